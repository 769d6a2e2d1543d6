//! The fields of HTTP.

use lanternfish_model::fields;

fields! {
}
