//! Made flight-search and booking events, the same for the same number.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::Timestamp;

/// The FileDescriptorSet of `events.proto`.
pub const DESCRIPTORS: &[u8] = include_bytes!("events.binpb");

#[derive(Clone, PartialEq, Message)]
struct Money {
    #[prost(string, tag = "1")]
    currency: String,
    #[prost(int64, tag = "2")]
    units: i64,
    #[prost(int32, tag = "3")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct SearchPerformed {
    #[prost(string, tag = "1")]
    search_id: String,
    #[prost(message, optional, tag = "2")]
    searched_at: Option<Timestamp>,
    #[prost(string, tag = "3")]
    origin: String,
    #[prost(string, tag = "4")]
    destination: String,
    #[prost(int32, tag = "5")]
    cabin: i32,
    #[prost(uint32, tag = "6")]
    passengers: u32,
    #[prost(string, optional, tag = "7")]
    referrer: Option<String>,
    #[prost(int64, repeated, tag = "8")]
    offer_ids: Vec<i64>,
    #[prost(message, optional, tag = "9")]
    best_price: Option<Money>,
    #[prost(btree_map = "string, string", tag = "10")]
    labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct BookingMade {
    #[prost(string, tag = "1")]
    booking_id: String,
    #[prost(message, optional, tag = "2")]
    booked_at: Option<Timestamp>,
    #[prost(message, repeated, tag = "3")]
    charges: Vec<Money>,
    #[prost(oneof = "PaidWith", tags = "4, 5")]
    paid_with: Option<PaidWith>,
    #[prost(uint64, tag = "6")]
    loyalty_number: u64,
    #[prost(string, tag = "7")]
    search_id: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum PaidWith {
    #[prost(string, tag = "4")]
    CardToken(String),
    #[prost(string, tag = "5")]
    Voucher(String),
}

/// Which of the demo's topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Searches,
    Bookings,
}

impl Stream {
    pub const ALL: [Stream; 2] = [Stream::Searches, Stream::Bookings];

    /// Returns the topic's name, in the convention that names the message and the table.
    pub fn topic(self) -> &'static str {
        match self {
            Stream::Searches => "dev.search.flight-search.flights_v1.SearchPerformed",
            Stream::Bookings => "dev.booking.booking-made.flights_v1.BookingMade",
        }
    }

    /// Returns the payload of the `number`th event, which happened at `millis`. One in ten thousand is broken.
    pub fn payload(self, number: u64, millis: i64) -> Vec<u8> {
        if number % 10_000 == 9_999 {
            return vec![0x0a, 0xff, 0x01, b'?'];
        }
        match self {
            Stream::Searches => search(number, millis).encode_to_vec(),
            Stream::Bookings => booking(number, millis).encode_to_vec(),
        }
    }
}

const AIRPORTS: [&str; 8] = ["FRA", "CDG", "LHR", "JFK", "SIN", "NRT", "SYD", "GRU"];

/// Spreads a number over 64 bits (SplitMix64), so that made ids look like real ones to the encoder.
fn spread(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn timestamp(millis: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: millis.div_euclid(1000), nanos: millis.rem_euclid(1000) as i32 * 1_000_000 })
}

fn airport(bits: u64) -> String {
    AIRPORTS[(bits % 8) as usize].to_owned()
}

fn money(bits: u64) -> Money {
    Money { currency: "EUR".into(), units: (bits % 2_000) as i64 + 39, nanos: (bits % 100) as i32 * 10_000_000 }
}

fn search(number: u64, millis: i64) -> SearchPerformed {
    let bits = spread(number);
    SearchPerformed {
        search_id: format!("{bits:016x}"),
        searched_at: timestamp(millis),
        origin: airport(bits),
        destination: airport(bits >> 3),
        cabin: (bits % 3) as i32,
        passengers: (bits >> 8) as u32 % 4 + 1,
        referrer: bits.is_multiple_of(5).then(|| "newsletter".into()),
        offer_ids: (0..bits % 4).map(|offer| spread(bits + offer) as i64 >> 20).collect(),
        best_price: (!bits.is_multiple_of(7)).then(|| money(bits)),
        labels: BTreeMap::from([("app".into(), "web".into()), ("site".into(), format!("s{}", bits % 9))]),
    }
}

fn booking(number: u64, millis: i64) -> BookingMade {
    let bits = spread(number);
    BookingMade {
        booking_id: format!("B{:010}", bits % 10_000_000_000),
        booked_at: timestamp(millis),
        charges: (0..bits % 3 + 1).map(|charge| money(bits + charge)).collect(),
        paid_with: Some(if bits.is_multiple_of(10) {
            PaidWith::Voucher(format!("V{}", bits % 1_000))
        } else {
            PaidWith::CardToken(format!("tok_{:012x}", bits >> 16))
        }),
        loyalty_number: if bits.is_multiple_of(2) { 0 } else { bits },
        search_id: format!("{:016x}", spread(bits)),
    }
}
