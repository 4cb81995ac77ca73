mod canonical;
mod made;
mod parts;
mod refused;
