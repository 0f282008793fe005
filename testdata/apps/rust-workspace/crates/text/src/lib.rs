use std::time::{Duration, UNIX_EPOCH};

/// The first page of a day, by the seconds since 1970.
pub fn page(seconds: u64) -> String {
    let day = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    format!("text {} says {day}", env!("CARGO_PKG_VERSION"))
}
