//! The fields of DNS.

use lanternfish_model::fields;

fields! {
}
