//! JSON as Go's decoder takes it: the first value of the file counts, what follows is not looked at; `null` is the same
//! as nothing at all; a value of the wrong type is an error.

use std::fmt;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Why bytes are not the JSON that was expected.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("the file is empty")]
    Empty,
    #[error("nothing but zero bytes, as after a crash of the machine")]
    Zeros,
    #[error("not valid JSON: {0}")]
    Syntax(serde_json::Error),
    #[error("JSON, but no object")]
    NoObject,
    #[error("not the expected JSON: {0}")]
    Shape(serde_json::Error),
}

/// The first JSON value.
pub(super) fn first(bytes: &[u8]) -> Result<Value, JsonError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(JsonError::Empty);
    }
    if bytes.iter().all(|b| *b == 0) {
        return Err(JsonError::Zeros);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Value::deserialize(&mut reader).map_err(JsonError::Syntax)
}

/// A value as a struct.
pub(super) fn shaped<T: DeserializeOwned>(value: &Value) -> Result<T, JsonError> {
    let mut value = value.clone();
    if !value.is_object() {
        return Err(JsonError::NoObject);
    }
    drop_nulls(&mut value);
    T::deserialize(value).map_err(JsonError::Shape)
}

/// As Go decodes it, `null` leaves a field as it was: absent.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A time in RFC 3339; Go's zero time is none.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    struct Text;
    impl serde::de::Visitor<'_> for Text {
        type Value = Option<Timestamp>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a time")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let time: Timestamp = text.parse().map_err(E::custom)?;
            Ok((time.as_second() != GO_ZERO).then_some(time))
        }
    }
    from.deserialize_str(Text)
}

/// 0001-01-01T00:00:00Z
const GO_ZERO: i64 = -62_135_596_800;
