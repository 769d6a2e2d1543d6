//! The fields of TCP.

use lanternfish_model::fields;

fields! {
}
