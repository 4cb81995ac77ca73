mod framings;
mod hours;
mod json;
mod mapping;
mod oracle;
mod presence;
mod refusals;
