//! The fields of ICMP.

use lanternfish_model::fields;

fields! {
}
