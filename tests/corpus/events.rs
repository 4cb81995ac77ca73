//! Business events of `proto/bench.proto`, the same for the same number: for benches, and for tests that want many records as
//! producers make them. Needs nothing but the standard library.
//!
//! Lengths, presence and counts vary from event to event, so that no reader can learn them. Ids are unique; customers, streets
//! and products come from many, cities, currencies and tags from few. One text in ten is not ASCII. Timestamps have whole
//! microseconds, as producers' clocks do, and fields stand in order without defaults: every payload is canonical.

/// Which message an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `Click`, about 88 bytes.
    Small,
    /// `Order`, about 250 bytes.
    Medium,
    /// `Checkout`, about 880 bytes.
    Large,
}

impl Shape {
    /// Returns the full name of the message.
    pub fn message(self) -> &'static str {
        match self {
            Shape::Small => "bench.v1.Click",
            Shape::Medium => "bench.v1.Order",
            Shape::Large => "bench.v1.Checkout",
        }
    }

    /// Returns the payload of the `number`th event.
    pub fn payload(self, number: u64) -> Vec<u8> {
        let (mut dice, mut wire) = (Dice(number.wrapping_mul(SPREAD)), Wire::default());
        match self {
            Shape::Small => click(&mut wire, &mut dice, number),
            Shape::Medium => order(&mut wire, &mut dice, number),
            Shape::Large => checkout(&mut wire, &mut dice, number),
        }
        wire.0
    }
}

/// The first event's time in milliseconds, 2026-11-25T00:00Z; each comes 7 ms after the one before.
pub const BEGIN: i64 = 1_795_564_800_000;

/// Returns when the `number`th event happened, in milliseconds.
pub fn millis(number: u64) -> i64 {
    BEGIN + number as i64 * 7
}

const CURRENCIES: [&str; 5] = ["EUR", "USD", "GBP", "JPY", "CHF"];
const COUNTRIES: [&str; 8] = ["DE", "FR", "US", "GB", "JP", "CH", "BR", "ES"];
const CITIES: [&str; 10] =
    ["Berlin", "Paris", "New York", "London", "東京", "Zürich", "São Paulo", "Madrid", "Lyon", "Hamburg"];
const STREETS: [&str; 8] =
    ["Main Street", "High Street", "Ahornweg", "Rue de Rivoli", "Lindenstraße", "Oak Avenue", "Gran Via", "Elm Road"];
const TAGS: [&str; 12] =
    ["new", "gift", "fragile", "repeat", "b2b", "priority", "sale", "preorder", "bulk", "returning", "app", "mail"];
const ATTRIBUTES: [&str; 8] = ["source", "campaign", "variant", "device", "os", "partner", "region", "cohort"];
const CHANNELS: [&str; 4] = ["web", "ios", "android", "store"];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0",
    "Shop/8.1.4 (Android 14; Pixel 8)",
];
const WORDS: [&str; 16] = [
    "please",
    "deliver",
    "after",
    "the",
    "second",
    "door",
    "parcel",
    "Schlüssel",
    "beim",
    "Nachbarn",
    "call",
    "before",
    "ring",
    "twice",
    "gracias",
    "leave",
];

fn click(wire: &mut Wire, dice: &mut Dice, number: u64) {
    wire.text(1, &dice.uuid());
    wire.time(2, number, 0);
    wire.number(3, dice.below(5));
    wire.double(4, dice.below(1 << 20) as f64 / 1024.0);
    wire.packed(5, dice, 10, 1 << 10);
    if dice.one_in(2) {
        wire.text(6, &format!("/p/{}", 1_000 + dice.below(9_000)));
    }
    wire.number(7, dice.below(300));
    wire.number(8, dice.below(2));
    wire.number(9, dice.below(1 << 36));
}

fn order(wire: &mut Wire, dice: &mut Dice, number: u64) {
    wire.text(1, &dice.uuid());
    wire.time(2, number, 0);
    if !dice.one_in(4) {
        wire.time(3, number, 1 + dice.below(100_000));
    }
    wire.number(4, 1 + dice.below(5));
    wire.text(5, &format!("customer-{:06}", dice.below(100_000)));
    wire.message(6, |wire| money(wire, dice));
    wire.message(7, |wire| address(wire, dice));
    wire.tags(8, dice);
    wire.attributes(9, dice);
    wire.packed(10, dice, 8, 1 << 30);
    wire.fixed64(11, dice.roll());
    wire.double(12, dice.below(1 << 30) as f64 / 4096.0);
    wire.number(13, dice.below(2));
    if dice.one_in(4) {
        wire.text(14, &format!("SAVE{}", dice.below(30)));
    }
    wire.number(15, dice.below(200));
    wire.text(16, dice.one_of(&CHANNELS));
    wire.number(17, dice.below(9));
}

fn checkout(wire: &mut Wire, dice: &mut Dice, number: u64) {
    wire.text(1, &dice.uuid());
    wire.time(2, number, 0);
    if !dice.one_in(4) {
        wire.time(3, number, 1 + dice.below(100_000));
    }
    wire.number(4, 1 + dice.below(5));
    wire.text(5, &format!("customer-{:06}", dice.below(100_000)));
    wire.message(6, |wire| money(wire, dice));
    wire.message(7, |wire| address(wire, dice));
    if dice.one_in(3) {
        wire.message(8, |wire| address(wire, dice));
    }
    wire.tags(9, dice);
    wire.attributes(10, dice);
    wire.packed(11, dice, 8, 1 << 30);
    wire.fixed64(12, dice.roll());
    wire.double(13, dice.below(1 << 30) as f64 / 4096.0);
    wire.number(14, dice.below(2));
    if dice.one_in(4) {
        wire.text(15, &format!("SAVE{}", dice.below(30)));
    }
    wire.number(16, dice.below(200));
    wire.text(17, dice.one_of(&CHANNELS));
    wire.number(18, dice.below(9));
    for _ in 0..1 + dice.below(7) {
        wire.message(19, |wire| item(wire, dice));
    }
    if dice.one_in(3) {
        wire.message(20, |wire| money(wire, dice));
    }
    wire.text(21, &dice.uuid());
    wire.text(22, dice.one_of(&AGENTS));
    wire.text(23, &format!("{}-{}", dice.one_of(&["de", "fr", "en", "ja"]), dice.one_of(&COUNTRIES)));
    wire.float(24, dice.below(1000) as f32 / 1000.0);
    wire.bytes(25, &dice.roll().to_le_bytes());
    let words = (0..25 + dice.below(44)).map(|_| dice.one_of(&WORDS)).collect::<Vec<_>>();
    wire.text(26, &words.join(" "));
}

fn money(wire: &mut Wire, dice: &mut Dice) {
    wire.text(1, dice.one_of(&CURRENCIES));
    wire.number(2, dice.below(2_000));
    wire.number(3, dice.below(100) * 10_000_000);
}

fn address(wire: &mut Wire, dice: &mut Dice) {
    wire.text(1, &format!("{} {}", dice.one_of(&STREETS), 1 + dice.below(200)));
    wire.text(2, dice.one_of(&CITIES));
    wire.text(3, &format!("{:05}", dice.below(100_000)));
    wire.text(4, dice.one_of(&COUNTRIES));
}

fn item(wire: &mut Wire, dice: &mut Dice) {
    let product = dice.below(20_000);
    wire.text(1, &format!("SKU-{product:06}"));
    wire.text(2, &format!("{} {}", dice.one_of(&WORDS), product % 997));
    wire.number(3, 1 + dice.below(4));
    wire.message(4, |wire| money(wire, dice));
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Sets the events' sequences apart: seeds that lie a multiple of [`GOLDEN`] apart would make them one sequence, and every event
/// would hold most of its neighbour's numbers.
const SPREAD: u64 = 0xd134_2543_de82_ef95;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.roll(), self.roll());
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", 0x8000 | low >> 50, low & 0xffff_ffff_ffff)
    }
}

/// A payload in the making. Fields without presence are left out where they are zero or empty.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, number: u32, wire_type: u32) {
        self.varint(u64::from(number << 3 | wire_type));
    }

    fn number(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.tag(number, 0);
            self.varint(value);
        }
    }

    fn double(&mut self, number: u32, value: f64) {
        self.fixed64(number, value.to_bits());
    }

    fn float(&mut self, number: u32, value: f32) {
        if value != 0.0 {
            self.tag(number, 5);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn fixed64(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.tag(number, 1);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.tag(number, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    fn message(&mut self, number: u32, fill: impl FnOnce(&mut Wire)) {
        let mut inner = Wire::default();
        fill(&mut inner);
        self.bytes(number, &inner.0);
    }

    /// A Timestamp, so many microseconds after the event.
    fn time(&mut self, number: u32, event: u64, after: u64) {
        let micros = millis(event) as u64 * 1000 + after;
        self.message(number, |wire| {
            wire.number(1, micros / 1_000_000);
            wire.number(2, micros % 1_000_000 * 1000);
        });
    }

    /// Up to `most` numbers below `limit`.
    fn packed(&mut self, number: u32, dice: &mut Dice, most: u64, limit: u64) {
        let mut inner = Wire::default();
        (0..dice.below(most + 1)).for_each(|_| inner.varint(dice.below(limit)));
        if !inner.0.is_empty() {
            self.bytes(number, &inner.0);
        }
    }

    fn tags(&mut self, number: u32, dice: &mut Dice) {
        (0..dice.below(7)).for_each(|_| self.bytes(number, dice.one_of(&TAGS).as_bytes()));
    }

    /// A map whose keys come once each.
    fn attributes(&mut self, number: u32, dice: &mut Dice) {
        let first = dice.below(ATTRIBUTES.len() as u64);
        for at in 0..dice.below(5) {
            let key = ATTRIBUTES[((first + at) % ATTRIBUTES.len() as u64) as usize];
            self.message(number, |wire| {
                wire.text(1, key);
                wire.text(2, &format!("value-{}", dice.below(60)));
            });
        }
    }
}
