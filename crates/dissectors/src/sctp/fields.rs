//! The fields of SCTP.

use lanternfish_model::fields;

fields! {
}
