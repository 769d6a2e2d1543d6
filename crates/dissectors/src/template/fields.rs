//! The fields of Template.

use lanternfish_model::fields;

fields! {
}
