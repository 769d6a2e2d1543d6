//! The fields of Redis.

use lanternfish_model::fields;

fields! {
    TYPE = text("redis_type").doc("The command in upper case; for messages that nobody asked for, their kind.").example("GET");
    COMMAND = text("redis_command").may_hold_secrets().doc("The command line with its arguments, at most 512 bytes; arguments that are not plain text are quoted.").example("SET user:7 \"Ada L.\"");
    KEY = text("redis_key").doc("The first key, at most 64 bytes.").example("user:7");
    REQUEST_SIZE = int("redis_request_size").unit("bytes").doc("The length of the command on the wire.").example("38");
    RESPONSE_SIZE = int("redis_response_size").unit("bytes").doc("The length of the reply on the wire.").example("5");
    TOTAL_SIZE = int("redis_total_size").unit("bytes").doc("The length of command and reply together, once there is a reply.").example("43");
    RESPONSE_TYPE = text("redis_response_type").doc("The type of the reply: `simple string`, `error`, `integer`, `bulk string`, `array`, `null` and those of RESP3.").example("bulk string");
    ERROR = text("redis_error").may_hold_secrets().doc("The error that the server replied.").example("WRONGTYPE Operation against a key holding the wrong kind of value");
    CHANNEL = text("redis_channel").doc("The channel or pattern of a published message or of a subscription that it confirms.").example("news");
}
