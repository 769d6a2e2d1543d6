//! Errors of requests: a status, a stable code, and words.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lanternfish_filter::FilterError;
use lanternfish_query::QueryError;

use crate::dto::{ErrorAnswer, ErrorBody};
use crate::engine::EngineError;

/// Why a request is refused or failed.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong.
    pub body: Box<ErrorBody>,
}

impl ApiError {
    /// An error with a status, a code and words.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> ApiError {
        let body = ErrorBody {
            code: code.to_owned(),
            message: message.into(),
            column: None,
            expected: None,
            hint: None,
            parameter: None,
        };
        ApiError { status, body: Box::new(body) }
    }

    /// A parameter or member that can't be used.
    pub fn parameter(name: &str, message: impl Into<String>) -> ApiError {
        let mut error = ApiError::new(StatusCode::BAD_REQUEST, "bad_parameter", message);
        error.body.parameter = Some(name.to_owned());
        error
    }

    /// A body that can't be read.
    pub fn body(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "bad_body", message)
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Something that went wrong here.
    pub fn internal(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// A part of what is stored that can't be read.
    pub fn unreadable(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", message)
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> ApiError {
        self.body.hint = Some(hint.into());
        self
    }

    /// Adds what would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> ApiError {
        self.body.expected = Some(expected.into());
        self
    }

    /// The error as JSON.
    pub fn answer(&self) -> ErrorAnswer {
        ErrorAnswer { error: (*self.body).clone() }
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> ApiError {
        let some = |text: String| if text.is_empty() { None } else { Some(text) };
        let mut answer = ApiError::new(StatusCode::BAD_REQUEST, "bad_filter", error.message);
        answer.body.column = Some(error.column);
        answer.body.expected = some(error.expected);
        answer.body.hint = some(error.hint);
        answer
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        let message = error.to_string();
        match error {
            QueryError::Filter(error) => error.into(),
            QueryError::Cancelled => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "cancelled", message),
            QueryError::TooLarge { .. } => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "query_too_large", message)
                .hint("choose a shorter range of time, or fewer groups"),
            QueryError::BadCursor(_) => ApiError::parameter("cursor", message),
            QueryError::BadGroup { .. } => ApiError::parameter("by", message),
            QueryError::BadParameter(_) => ApiError::new(StatusCode::BAD_REQUEST, "bad_parameter", message),
            QueryError::Unreadable(_) => ApiError::unreadable(message),
            QueryError::Failed(_) => ApiError::internal(message),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> ApiError {
        let message = error.to_string();
        match error {
            EngineError::Query(error) => error.into(),
            EngineError::NotFound(_) => ApiError::not_found(message),
            EngineError::Invalid { parameter, .. } => ApiError::parameter(&parameter, message),
            EngineError::Gone(_) => ApiError::new(StatusCode::GONE, "gone", message),
            EngineError::NotPossible(_) => ApiError::new(StatusCode::CONFLICT, "not_possible", message),
            EngineError::TooLarge { limit_bytes } => crate::asked::too_large(limit_bytes),
            EngineError::Unavailable(_) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message),
            EngineError::Failed(_) => ApiError::internal(message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let text = serde_json::to_vec(&self.answer()).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lanternfish\""));
        }
        response
    }
}
