//! The fields of Redis.

use lanternfish_model::fields;

fields! {
}
