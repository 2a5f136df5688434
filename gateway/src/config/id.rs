//! The ids that a configuration names things by.

pub use schoolgate_core::id::{GatewayId, MAX_ID_BYTES, PlaceId, ReaderId, SchoolId};
