/// The right to one create-only request. Wrappers of a store hand it on; only [`super`] can make one.
#[derive(Debug)]
pub struct Right(pub(super) ());
