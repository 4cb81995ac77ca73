mod canonical;
mod parts;
mod refused;
