//! The fields of TLS.

use lanternfish_model::fields;

fields! {
}
