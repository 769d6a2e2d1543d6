//! The fields of the toy protocol. An answer sets `outcome` to `ok`.

use lanternfish_model::fields;

fields! {
    QUESTION = text("toy_question").doc("The payload of the question.").example("how deep is the sea");
    ANSWER = text("toy_answer").doc("The payload of the answer.").example("deep");
    REQUEST_SIZE = int("toy_request_size").unit("bytes").doc("The length of the question on the wire.").example("30");
    RESPONSE_SIZE = int("toy_response_size").unit("bytes").doc("The length of the answer on the wire.").example("15");
}
