/// For the whole process: the `override` feature of the crate makes C's `malloc` its own too. librdkafka allocates messages on
/// its threads and ours frees them, which costs glibc's allocator twice as much.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    alluvium::cli::main().into()
}

#[cfg(test)]
mod tests {
    use std::ffi::{CString, c_char, c_void};

    use rdkafka::bindings as c;

    unsafe extern "C" {
        fn mi_is_in_heap_region(address: *const c_void) -> bool;
        fn strdup(text: *const c_char) -> *mut c_char;
        fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char;
        fn free(address: *mut c_void);
    }

    #[test]
    fn librdkafka_and_the_c_library_allocate_from_the_same_heap_as_we() {
        let (text, dot) = (CString::new("text").unwrap(), CString::new(".").unwrap());
        // SAFETY: a null client means the plain allocator; each address is freed once by the function that goes with it.
        unsafe {
            let message = c::rd_kafka_mem_malloc(std::ptr::null_mut(), 1000);
            assert!(mi_is_in_heap_region(message));
            c::rd_kafka_mem_free(std::ptr::null_mut(), message);
            for made_by_libc in [strdup(text.as_ptr()), realpath(dot.as_ptr(), std::ptr::null_mut())] {
                assert!(mi_is_in_heap_region(made_by_libc.cast()));
                free(made_by_libc.cast());
            }
            let foreign = &raw const text;
            assert!(!mi_is_in_heap_region(foreign.cast()));
        }
    }
}
