//! Protocols whose names are fixed already, but which are not dissected yet.
//!
//! They are joined behind [`crate::PROTOCOLS`], so that filters with their names are checked and match nothing, and
//! `fields --pending` can say why.

use lanternfish_model::{ProtocolSpec, Word, WordClass};

/// Every protocol that is declared and not dissected.
pub static PENDING: &[&ProtocolSpec] = &[&GRPC, &WEBSOCKET, &GRAPHQL, &HTTP2, &KAFKA, &AMQP, &LDAP, &RADIUS, &DIAMETER];

const fn word(name: &'static str) -> Word {
    Word { name, class: WordClass::Any }
}

mod grpc {
    /// Why nothing of it has values.
    pub const WHY: &str = "gRPC is not dissected yet";

    lanternfish_model::fields! {
        METHOD = text("grpc_method").pending(WHY).doc("The method that is called.").example("GetCart");
        STATUS = int("grpc_status").pending(WHY).doc("The status code of the call: 0 is OK.").example("0");
    }
}

static GRPC: ProtocolSpec = ProtocolSpec {
    name: "grpc",
    title: "gRPC",
    doc: "Calls over HTTP/2 with protobuf messages.",
    references: &["gRPC over HTTP2"],
    words: &[word("grpc")],
    fields: grpc::FIELDS,
    pending: grpc::WHY,
};

mod websocket {
    /// Why nothing of it has values.
    pub const WHY: &str = "WebSocket is not dissected yet";

    lanternfish_model::fields! {
        OPCODE = text("ws_opcode").pending(WHY).doc("The kind of the frame: `text`, `binary`, `close`, `ping`, `pong`, `continuation`.").example("text");
        REQUEST = bool("ws_request").pending(WHY).doc("Whether the client sent a frame.").example("true");
        RESPONSE = bool("ws_response").pending(WHY).doc("Whether the server sent a frame.").example("true");
        REQUEST_PAYLOAD_DATA = text("ws_request_payload_data").pending(WHY).doc("The payload of the client's frame.").example("hello");
        REQUEST_PAYLOAD_LENGTH = int("ws_request_payload_length").unit("bytes").pending(WHY).doc("The length of the client's payload.").example("5");
        RESPONSE_PAYLOAD_LENGTH = int("ws_response_payload_length").unit("bytes").pending(WHY).doc("The length of the server's payload.").example("5");
    }
}

static WEBSOCKET: ProtocolSpec = ProtocolSpec {
    name: "websocket",
    title: "WebSocket",
    doc: "Frames of a connection that HTTP was upgraded to.",
    references: &["RFC 6455"],
    words: &[word("ws")],
    fields: websocket::FIELDS,
    pending: websocket::WHY,
};

static GRAPHQL: ProtocolSpec = ProtocolSpec {
    name: "graphql",
    title: "GraphQL",
    doc: "Operations in the bodies of HTTP calls.",
    references: &["GraphQL October 2021"],
    words: &[word("gql"), word("gqlv1"), word("gqlv2")],
    fields: &[],
    pending: "GraphQL is not dissected yet",
};

static HTTP2: ProtocolSpec = ProtocolSpec {
    name: "http2",
    title: "HTTP/2",
    doc: "The older word for calls over HTTP/2, whose entries are `http` with another `http_version`.",
    references: &["RFC 9113"],
    words: &[word("http2")],
    fields: &[],
    pending: "HTTP/2 is not dissected yet; it comes with gRPC",
};

mod kafka {
    /// Why nothing of it has values.
    pub const WHY: &str = "Kafka is not dissected yet";

    lanternfish_model::fields! {
        API_KEY = int("kafka_api_key").pending(WHY).doc("The number of the API.").example("1");
        API_KEY_NAME = text("kafka_api_key_name").pending(WHY).doc("The name of the API.").example("Fetch");
        CLIENT_ID = text("kafka_client_id").pending(WHY).doc("The name that the client gives itself.").example("billing");
        SIZE = int("kafka_size").unit("bytes").pending(WHY).doc("The length of the request, from behind its size field.").example("120");
        REQUEST = bool("kafka_request").pending(WHY).doc("Whether a request was seen.").example("true");
        RESPONSE = bool("kafka_response").pending(WHY).doc("Whether a response was seen.").example("true");
        REQUEST_SUMMARY = text("kafka_request_summary").pending(WHY).doc("The request in a few words.").example("orders");
        REQUEST_SIZE = int("kafka_request_size").unit("bytes").pending(WHY).doc("The length of the request on the wire.").example("64");
        RESPONSE_SIZE = int("kafka_response_size").unit("bytes").pending(WHY).doc("The length of the response on the wire.").example("128");
    }
}

static KAFKA: ProtocolSpec = ProtocolSpec {
    name: "kafka",
    title: "Kafka",
    doc: "Requests to Kafka brokers.",
    references: &["Kafka protocol guide"],
    words: &[word("kafka")],
    fields: kafka::FIELDS,
    pending: kafka::WHY,
};

mod amqp {
    /// Why nothing of it has values.
    pub const WHY: &str = "AMQP is not dissected yet";

    lanternfish_model::fields! {
        METHOD = text("amqp_method").pending(WHY).doc("The class and method.").example("basic.publish");
        SUMMARY = text("amqp_summary").pending(WHY).doc("The method's object: exchange, queue or routing key.").example("orders");
        REQUEST = bool("amqp_request").pending(WHY).doc("Whether a request was seen.").example("true");
        RESPONSE = bool("amqp_response").pending(WHY).doc("Whether a response was seen.").example("true");
        REQUEST_LENGTH = int("amqp_request_length").unit("bytes").pending(WHY).doc("The length of the request on the wire.").example("64");
        RESPONSE_LENGTH = int("amqp_response_length").unit("bytes").pending(WHY).doc("The length of the response on the wire.").example("128");
        TOTAL_SIZE = int("amqp_total_size").unit("bytes").pending(WHY).doc("The length of request and response on the wire.").example("192");
    }
}

static AMQP: ProtocolSpec = ProtocolSpec {
    name: "amqp",
    title: "AMQP",
    doc: "Methods of AMQP 0-9-1, as RabbitMQ speaks it.",
    references: &["AMQP 0-9-1"],
    words: &[word("amqp")],
    fields: amqp::FIELDS,
    pending: amqp::WHY,
};

mod ldap {
    /// Why nothing of it has values.
    pub const WHY: &str = "LDAP is not dissected yet";

    lanternfish_model::fields! {
        TYPE = text("ldap_type").pending(WHY).doc("The operation.").example("search");
        SUMMARY = text("ldap_summary").pending(WHY).doc("The operation's object.").example("dc=example,dc=org");
        REQUEST = bool("ldap_request").pending(WHY).doc("Whether a request was seen.").example("true");
        RESPONSE = bool("ldap_response").pending(WHY).doc("Whether a response was seen.").example("true");
        REQUEST_LENGTH = int("ldap_request_length").unit("bytes").pending(WHY).doc("The length of the request on the wire.").example("64");
        RESPONSE_LENGTH = int("ldap_response_length").unit("bytes").pending(WHY).doc("The length of the response on the wire.").example("128");
        TOTAL_SIZE = int("ldap_total_size").unit("bytes").pending(WHY).doc("The length of request and response on the wire.").example("192");
    }
}

static LDAP: ProtocolSpec = ProtocolSpec {
    name: "ldap",
    title: "LDAP",
    doc: "Operations of directory clients.",
    references: &["RFC 4511"],
    words: &[word("ldap")],
    fields: ldap::FIELDS,
    pending: ldap::WHY,
};

mod radius {
    /// Why nothing of it has values.
    pub const WHY: &str = "RADIUS is not dissected yet";

    lanternfish_model::fields! {
        CODE = int("radius_code").pending(WHY).doc("The code of the request.").example("1");
        CODE_NAME = text("radius_code_name").pending(WHY).doc("The code of the request in words.").example("Access-Request");
        REQUEST = bool("radius_request").pending(WHY).doc("Whether a request was seen.").example("true");
        RESPONSE = bool("radius_response").pending(WHY).doc("Whether a response was seen.").example("true");
        REQUEST_AUTHENTICATOR = text("radius_request_authenticator").pending(WHY).doc("The authenticator of the request, in hexadecimal.").example("0f403f9473978057bd83d5cb98f4227a");
        REQUEST_LENGTH = int("radius_request_length").unit("bytes").pending(WHY).doc("The length of the request on the wire.").example("64");
        RESPONSE_LENGTH = int("radius_response_length").unit("bytes").pending(WHY).doc("The length of the response on the wire.").example("128");
        TOTAL_SIZE = int("radius_total_size").unit("bytes").pending(WHY).doc("The length of request and response on the wire.").example("192");
    }
}

static RADIUS: ProtocolSpec = ProtocolSpec {
    name: "radius",
    title: "RADIUS",
    doc: "Authentication and accounting requests.",
    references: &["RFC 2865", "RFC 2866"],
    words: &[word("radius")],
    fields: radius::FIELDS,
    pending: radius::WHY,
};

mod diameter {
    /// Why nothing of it has values.
    pub const WHY: &str = "Diameter is not dissected yet";

    lanternfish_model::fields! {
        METHOD = text("diameter_method").pending(WHY).doc("The command.").example("Capabilities-Exchange");
        SUMMARY = text("diameter_summary").pending(WHY).doc("The command's object.").example("aaa.example.org");
        REQUEST = bool("diameter_request").pending(WHY).doc("Whether a request was seen.").example("true");
        RESPONSE = bool("diameter_response").pending(WHY).doc("Whether a response was seen.").example("true");
        REQUEST_LENGTH = int("diameter_request_length").unit("bytes").pending(WHY).doc("The length of the request on the wire.").example("64");
        RESPONSE_LENGTH = int("diameter_response_length").unit("bytes").pending(WHY).doc("The length of the response on the wire.").example("128");
        TOTAL_SIZE = int("diameter_total_size").unit("bytes").pending(WHY).doc("The length of request and response on the wire.").example("192");
    }
}

static DIAMETER: ProtocolSpec = ProtocolSpec {
    name: "diameter",
    title: "Diameter",
    doc: "Authentication, authorisation and accounting commands.",
    references: &["RFC 6733"],
    words: &[word("diameter")],
    fields: diameter::FIELDS,
    pending: diameter::WHY,
};
