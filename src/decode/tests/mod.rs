mod framings;
mod hours;
mod json;
mod mapping;
pub(super) mod oracle;
mod presence;
mod raw;
mod refusals;
