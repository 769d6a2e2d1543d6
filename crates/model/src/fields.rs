//! The common and identity fields, which every entry may have.
//!
//! Their values live in [`crate::Entry`] and its parties; those of a protocol are declared beside its dissector.
//! What is `shared` depends only on the class, the connection and the parties of an entry.

use crate::fields;

const KUBERNETES: &str = "needs Kubernetes, which is not built yet";

fields! {
    ID = int("id").doc("The number of the entry, unique in a file or data directory.").example("65537");
    TIMESTAMP = time("timestamp").doc("The time of the first packet.").example("2026-03-14T22:00:00.000123456Z");
    PROTOCOL = text("protocol").shared().alias(&["protocol.name", "protocol.abbr"]).caseless().doc("The protocol in lower case; compared without regard to case.").example("http");
    SRC_IP = text("src.ip").shared().doc("The address of the client.").example("10.0.0.7");
    SRC_PORT = int("src.port").shared().doc("The port of the client.").example("50123");
    SRC_NAME = text("src.name").shared().doc("The best name known for the client: process, else DNS name.").example("curl");
    SRC_DNS = text("src.dns").shared().doc("The DNS name by which clients of this machine looked the client's address up.").example("web.example.org");
    SRC_PROCESS_NAME = text("src.process.name").shared().doc("The name of the client's process.").example("curl");
    SRC_PROCESS_PID = int("src.process.pid").shared().doc("The process id of the client.").example("4711");
    SRC_PROCESS_EXECUTABLE = text("src.process.executable").shared().doc("The path of the client's executable.").example("/usr/bin/curl");
    SRC_PROCESS_USER = text("src.process.user").shared().doc("The user that the client's process runs as.").example("www-data");
    SRC_CONTAINER_ID = text("src.container.id").shared().doc("The id of the client's container.").example("3f9a1c0de5aa");
    DST_IP = text("dst.ip").shared().doc("The address of the server.").example("10.0.0.9");
    DST_PORT = int("dst.port").shared().doc("The port of the server.").example("80");
    DST_NAME = text("dst.name").shared().doc("The best name known for the server: process, else DNS name.").example("nginx");
    DST_DNS = text("dst.dns").shared().doc("The DNS name by which clients of this machine looked the server's address up.").example("shop.example.org");
    DST_PROCESS_NAME = text("dst.process.name").shared().doc("The name of the server's process.").example("nginx");
    DST_PROCESS_PID = int("dst.process.pid").shared().doc("The process id of the server.").example("812");
    DST_PROCESS_EXECUTABLE = text("dst.process.executable").shared().doc("The path of the server's executable.").example("/usr/sbin/nginx");
    DST_PROCESS_USER = text("dst.process.user").shared().doc("The user that the server's process runs as.").example("www-data");
    DST_CONTAINER_ID = text("dst.container.id").shared().doc("The id of the server's container.").example("3f9a1c0de5aa");
    SRC_NAMESPACE = text("src.namespace").pending(KUBERNETES).doc("The Kubernetes namespace of the client.").example("shop");
    DST_NAMESPACE = text("dst.namespace").pending(KUBERNETES).doc("The Kubernetes namespace of the server.").example("shop");
    SRC_POD_NAME = text("src.pod.name").alias(&["src.pod"]).pending(KUBERNETES).doc("The pod of the client.").example("cart-7d9f");
    DST_POD_NAME = text("dst.pod.name").alias(&["dst.pod"]).pending(KUBERNETES).doc("The pod of the server.").example("cart-7d9f");
    SRC_POD_NAMESPACE = text("src.pod.namespace").pending(KUBERNETES).doc("The namespace of the client's pod.").example("shop");
    DST_POD_NAMESPACE = text("dst.pod.namespace").pending(KUBERNETES).doc("The namespace of the server's pod.").example("shop");
    SRC_SERVICE_NAME = text("src.service.name").pending(KUBERNETES).doc("The service of the client.").example("cart");
    DST_SERVICE_NAME = text("dst.service.name").pending(KUBERNETES).doc("The service of the server.").example("cart");
    SRC_SERVICE_NAMESPACE = text("src.service.namespace").pending(KUBERNETES).doc("The namespace of the client's service.").example("shop");
    DST_SERVICE_NAMESPACE = text("dst.service.namespace").pending(KUBERNETES).doc("The namespace of the server's service.").example("shop");
    NAMESPACES = list("namespaces").pending(KUBERNETES).doc("The namespaces of both ends.").example("shop");
    PODS = list("pods").pending(KUBERNETES).doc("The pods of both ends.").example("cart-7d9f");
    SERVICES = list("services").pending(KUBERNETES).doc("The services of both ends.").example("cart");
    NODE_NAME = text("node_name").shared().alias(&["node.name"]).doc("The name of the node that captured the entry; empty in files.").example("worker-3");
    NODE_IP = text("node_ip").shared().alias(&["node.ip"]).doc("The address of the node that captured the entry; empty in files.").example("192.0.2.3");
    NODE_ID = text("node_id").shared().doc("The stable id of the node that captured the entry; empty in files.").example("9f1c7a");
    LOCAL_NODE_NAME = text("local_node_name").shared().doc("The node of the local end; empty in files.").example("worker-3");
    REMOTE_NODE_NAME = text("remote_node_name").shared().doc("The node of the remote end, where it is this one too; empty in files.").example("worker-3");
    LOCAL_LABELS = map("local_labels").pending(KUBERNETES).doc("The labels of the local pod.").example("app: cart");
    LOCAL_ANNOTATIONS = map("local_annotations").pending(KUBERNETES).doc("The annotations of the local pod.").example("team: web");
    REMOTE_LABELS = map("remote_labels").pending(KUBERNETES).doc("The labels of the remote pod.").example("app: cart");
    REMOTE_ANNOTATIONS = map("remote_annotations").pending(KUBERNETES).doc("The annotations of the remote pod.").example("team: web");
    LOCAL_PROCESS_NAME = text("local_process_name").shared().doc("The name of the process at the local end.").example("nginx");
    REMOTE_PROCESS_NAME = text("remote_process_name").shared().doc("The name of the process at the remote end, where it runs on this node.").example("curl");
    DNS_RESOLUTIONS = list("dns_resolutions").doc("The DNS names known for both ends.").example("shop.example.org");
    LOCAL_RESOLUTION_STATUS = text("local_resolution_status").shared().doc("Whether the process of the local end is known, else why not.").example("resolved");
    REMOTE_RESOLUTION_STATUS = text("remote_resolution_status").shared().doc("Whether the process of the remote end is known, else why not.").example("not local");
    INDEX = int("index").doc("The running number of the entry within its connection, from 0.").example("0");
    STREAM = text("stream").shared().doc("The connection that carried the entry: `conn_id` in hexadecimal.").example("1a");
    ELAPSED_TIME = int("elapsed_time").alias(&["elapsedTime"]).unit("µs").doc("From the first packet of the request to the last of the response; the duration of a connection or flow.").example("1532");
    TIME_TO_FIRST_BYTE = int("time_to_first_byte").unit("µs").doc("From the first packet of the request to the first of the response.").example("1204");
    WORKER = text("worker").shared().doc("The thread that dissected the entry; empty in files.").example("0");
    CONN_ID = int("conn_id").shared().doc("The connection that carried the entry.").example("26");
    FLOW_ID = int("flow_id").shared().doc("The flow that the connection belongs to.").example("4611");
    HAS_PCAP = bool("has_pcap").shared().doc("Whether the packets of the entry can still be had.").example("true");
    CAPTURE_SOURCE = text("capture_source").shared().doc("How the packets were captured: `af_packet`, `ebpf`, `ebpf_tls`, `file`, `unspecified`.").example("af_packet");
    CAPTURE_BACKEND = text("capture_backend").shared().doc("What captured the packets: `af_packet`, `ebpf`, `file`.").example("af_packet");
    CAPTURE_SOURCE_CODE = int("capture_source_code").shared().doc("How the packets were captured, as a number: 0 unspecified, 1 af_packet, 2 ebpf, 3 ebpf_tls, 4 file.").example("1");
    CONN = bool("conn").shared().doc("True for connection entries.").example("true");
    FLOW = bool("flow").shared().doc("True for flow entries.").example("true");
    STATUS_CODE = int("status_code").alias(&["response.status"]).doc("The outcome as a number: HTTP status, DNS response code.").example("200");
    OUTCOME = text("outcome").doc("How it went: `ok`, `client_error`, `server_error`, `failed`, `open`.").example("ok");
    TUNNELS = list("tunnels").doc("The outer headers of the tunnels that carried the connection, outermost first.").example("vxlan 42 10.0.0.1 > 10.0.0.2");
    OUTGOING = bool("outgoing").shared().doc("Whether the client is the local end.").example("true");
    REQUEST_BODY = text("request.body").on_demand().doc("The body of the request, decoded.").example("{\"id\":7}");
    RESPONSE_BODY = text("response.body").on_demand().doc("The body of the response, decoded.").example("{\"status\":\"paid\"}");
    NOTES = list("notes").doc("What was odd about the entry, in words.").example("response cut by the end of the capture");
}
