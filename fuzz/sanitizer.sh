# shellcheck shell=bash
# Has C code built with AddressSanitizer, too: cc and OpenSSL's build follow RUSTFLAGS, librdkafka's configure wants to be told.
export CFLAGS=-fsanitize=address CXXFLAGS=-fsanitize=address LDFLAGS=-fsanitize=address
