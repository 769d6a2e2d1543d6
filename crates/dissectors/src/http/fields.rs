//! The fields of HTTP.

use lanternfish_model::fields;

fields! {
    METHOD = text("method").alias(&["request.method"]).doc("The method of the request, as sent.").example("GET");
    URL = text("url").alias(&["request.url"]).may_hold_secrets().doc("The path with the query string; for `CONNECT` the authority.").example("/cart?id=7");
    PATH = text("path").alias(&["request.path"]).doc("The path without the query string, as sent (not percent-decoded); for `CONNECT` the authority.").example("/cart");
    QUERY_STRING = map("query_string").alias(&["request.query"]).may_hold_secrets().doc("The parameters of the query string, percent-decoded; names may repeat.").example("id: 7");
    HTTP_VERSION = text("http_version").doc("The version of HTTP.").example("1.1");
    HTTP_HOST = text("http_host").doc("The host that the request is for: of an absolute request target, else the `Host` header.").example("shop.example.org:8080");
    HTTP_TARGET = text("http_target").on_demand().may_hold_secrets().doc("The request target as sent, with scheme and authority where it has them.").example("http://shop.example.org/cart?id=7");
    HTTP_REASON = text("http_reason").doc("The reason phrase of the status line.").example("Not Found");
    REQUEST_HEADERS = map("request.headers").caseless().may_hold_secrets().doc("The headers of the request in their order, names in lower case.").example("host: shop.example.org");
    RESPONSE_HEADERS = map("response.headers").caseless().may_hold_secrets().doc("The headers of the response in their order, names in lower case.").example("content-type: text/html");
    REQUEST_COOKIES = map("request.cookies").secret().doc("The cookies of the request.").example("session: 3f9a1c");
    RESPONSE_COOKIES = map("response.cookies").secret().doc("The cookies that the response sets, without their attributes.").example("session: 3f9a1c");
    REQUEST_CONTENT_TYPE = text("request_content_type").doc("The media type of the request's body, with its parameters.").example("application/json");
    RESPONSE_CONTENT_TYPE = text("response_content_type").doc("The media type of the response's body, with its parameters.").example("text/html; charset=utf-8");
    REQUEST_HEADERS_SIZE = int("request_headers_size").unit("bytes").doc("The length of the request's head on the wire: request line, headers and the empty line.").example("148");
    REQUEST_BODY_SIZE = int("request_body_size").unit("bytes").doc("The length of the request's body on the wire, with the framing of chunks, before decoding.").example("512");
    RESPONSE_HEADERS_SIZE = int("response_headers_size").unit("bytes").doc("The length of the response's head on the wire: status line, headers and the empty line.").example("203");
    RESPONSE_BODY_SIZE = int("response_body_size").unit("bytes").doc("The length of the response's body on the wire, with the framing of chunks, before decoding.").example("4096");
    HTTP_TRAILERS = map("http_trailers").caseless().may_hold_secrets().doc("The trailer fields behind a chunked body, names in lower case.").example("grpc-status: 0");
    REQUEST_FORM = map("request.form").on_demand().may_hold_secrets().doc("The parameters of a URL-encoded form in the request's body, percent-decoded.").example("user: ada");
    REQUEST_PARTS = list("request.parts").on_demand().doc("The names of the parts of a multipart form in the request's body.").example("avatar");
}
