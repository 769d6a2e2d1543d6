//! How each kind of request may be refused, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// What every request may meet.
pub(crate) struct Always;
/// What a request with parameters may meet.
pub(crate) struct Parameters;
/// What a query may meet.
pub(crate) struct Queries;
/// What a request with a body may meet.
pub(crate) struct Bodies;
/// What a request for one thing may meet.
pub(crate) struct Unknown;
/// What a request for something that is not kept for ever may meet.
pub(crate) struct Expired;
/// What a request may meet that is not possible in every kind of run.
pub(crate) struct Impossible;

/// What a request for one thing of what is stored may meet.
pub(crate) struct OfOne;
/// What a request for packets of one thing may meet.
pub(crate) struct OfPackets;

type Responses = BTreeMap<String, RefOr<Response>>;

fn errors(list: &[(u16, &str)]) -> Responses {
    let of = |(status, doc): &(u16, &str)| {
        let schema = Ref::from_schema_name("ErrorAnswer");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new().description(*doc).content("application/json", content).build();
        (status.to_string(), RefOr::T(response))
    };
    list.iter().map(of).collect()
}

impl IntoResponses for Always {
    fn responses() -> Responses {
        errors(&[
            (401, "`token_required`, `token_wrong`: the request needs a token."),
            (403, "`forbidden`, `host_not_allowed`, `origin_not_allowed`, `right_missing`: the request is not served."),
            (429, "`too_many_attempts`: too many wrong tokens were tried."),
            (500, "`internal`, `unreadable`: something failed within, or a part of what is stored can't be read."),
            (503, "`unavailable`, `busy`, `cancelled`: it can't be done now."),
        ])
    }
}

impl IntoResponses for Parameters {
    fn responses() -> Responses {
        errors(&[(400, "`bad_parameter`, `bad_filter`: a parameter can't be used.")])
    }
}

impl IntoResponses for Queries {
    fn responses() -> Responses {
        errors(&[
            (400, "`bad_parameter`, `bad_filter`: a parameter can't be used."),
            (404, "`not_found`: there is no such snapshot."),
            (422, "`query_too_large`: the query needs more memory than it may take."),
            (504, "`query_timeout`: the query took too long."),
        ])
    }
}

impl IntoResponses for Bodies {
    fn responses() -> Responses {
        errors(&[
            (400, "`bad_body`, `bad_parameter`, `bad_filter`: the body can't be used."),
            (408, "`body_timeout`: the body came too slowly."),
            (413, "`too_large`: the body is larger than its limit."),
            (415, "`bad_body`: the body is not of the type that is read here."),
        ])
    }
}

impl IntoResponses for Unknown {
    fn responses() -> Responses {
        errors(&[(400, "`bad_parameter`: a parameter can't be used."), (404, "`not_found`: there is no such thing.")])
    }
}

impl IntoResponses for OfOne {
    fn responses() -> Responses {
        all([Unknown::responses(), Queries::responses(), Always::responses()])
    }
}

impl IntoResponses for OfPackets {
    fn responses() -> Responses {
        all([OfOne::responses(), Expired::responses(), Impossible::responses()])
    }
}

/// Where several tell of the same status, the last one counts.
fn all(parts: impl IntoIterator<Item = Responses>) -> Responses {
    parts.into_iter().flatten().collect()
}

impl IntoResponses for Expired {
    fn responses() -> Responses {
        errors(&[(410, "`gone`: it was there, and is kept no longer.")])
    }
}

impl IntoResponses for Impossible {
    fn responses() -> Responses {
        errors(&[(409, "`not_possible`: it can't be done in this kind of run.")])
    }
}
