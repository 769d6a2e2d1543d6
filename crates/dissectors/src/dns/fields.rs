//! The fields of DNS.

use lanternfish_model::fields;

fields! {
    QUESTIONS = list("dns_questions").doc("The names asked for.").example("www.example.org");
    QUESTION_TYPES = list("dns_question_types").doc("The record types asked for, in the order of the questions.").example("AAAA");
    ANSWERS = list("dns_answers").doc("The data of the answer section as text.").example("10 mx.example.org");
    ANSWER_TYPES = list("dns_answer_types").doc("The record types of the answer section.").example("MX");
    ANSWER_NAMES = list("dns_answer_names").doc("The names that the records of the answer section belong to.").example("example.org");
    ANSWER_TTLS = list("dns_answer_ttls").unit("s").doc("How long each record of the answer section may be kept.").example("3600");
    AUTHORITIES = list("dns_authorities").doc("The data of the authority section as text.").example("ns1.example.org");
    ADDITIONALS = list("dns_additionals").doc("The data of the additional section as text, without EDNS.").example("192.0.2.53");
    REQUEST = bool("dns_request").doc("Whether the query was seen.").example("true");
    RESPONSE = bool("dns_response").doc("Whether a response was seen.").example("true");
    REQUEST_LENGTH = int("dns_request_length").unit("bytes").doc("The length of the query.").example("33");
    RESPONSE_LENGTH = int("dns_response_length").unit("bytes").doc("The length of the response.").example("97");
    TOTAL_SIZE = int("dns_total_size").unit("bytes").doc("The length of query and response together, once there is a response.").example("130");
    ID = int("dns_id").doc("The identifier of the message.").example("4660");
    OPCODE = text("dns_opcode").doc("The kind of query.").example("QUERY");
    RESPONSE_CODE = text("dns_response_code").doc("The response code in words, extended by EDNS; `status_code` has the number.").example("NXDOMAIN");
    AUTHORITATIVE = bool("dns_authoritative").doc("Whether the server has authority over the name.").example("true");
    TRUNCATED = bool("dns_truncated").doc("Whether the sender cut the message to fit into a datagram.").example("true");
    RECURSION_DESIRED = bool("dns_recursion_desired").doc("Whether the server was asked to follow the query further.").example("true");
    RECURSION_AVAILABLE = bool("dns_recursion_available").doc("Whether the server follows queries further.").example("true");
    AUTHENTICATED_DATA = bool("dns_authenticated_data").doc("Whether the server verified the answer by DNSSEC.").example("true");
    CHECKING_DISABLED = bool("dns_checking_disabled").doc("Whether the client asked for data that is not verified.").example("true");
    EDNS_UDP_SIZE = int("dns_edns_udp_size").unit("bytes").doc("The largest datagram that the sender of the query takes (EDNS).").example("1232");
    EDNS_DNSSEC_OK = bool("dns_edns_dnssec_ok").doc("Whether DNSSEC records were asked for (EDNS).").example("true");
    EDNS_OPTIONS = list("dns_edns_options").doc("The EDNS options of the query.").example("client subnet 192.0.2.0/24");
    RESPONSE_EDNS_OPTIONS = list("dns_response_edns_options").doc("The EDNS options of the response.").example("cookie 0102030405060708");
    EXTENDED_ERROR = text("dns_extended_error").doc("Why the server could not answer, in words (RFC 8914).").example("DNSSEC Bogus: signature expired");
}
