//! The fields of UDP.

use lanternfish_model::fields;

fields! {
}
