#!/usr/bin/env python3
"""Records the captures of `crates/app/tests/variables` anew from real servers and clients, within network namespaces of its own
(needs root): `e2e/record_variables.py [NAME…]`. The values in `cases.tsv` beside them are those of the captures that are committed."""
import contextlib, os, pathlib, signal, socket, subprocess, sys, threading, time

from harness import ROOT, folder, namespaces, process, run, wait_for, within

FOLDER = ROOT / "crates" / "app" / "tests" / "variables"


@contextlib.contextmanager
def recording(name, inside, interface="lo", expression="", more=()):
    """tcpdump in a namespace, into the file of a capture."""
    path = FOLDER / f"{name}.pcap"
    path.unlink(missing_ok=True)
    tcpdump = subprocess.Popen([*inside, "tcpdump", "-i", interface, "-U", "-Z", "root", *more, "-w", str(path), expression],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: path.exists() and path.stat().st_size >= 24)
    time.sleep(0.5)
    try:
        yield
        time.sleep(1)
    finally:
        tcpdump.send_signal(signal.SIGINT)
        tcpdump.wait(10)
    print(f"{path.name}: {path.stat().st_size} bytes")


def http(work):
    with namespaces("h") as (name,):
        inside = within(name)
        (work / "www").mkdir()
        (work / "www" / "orders.json").write_text('{"id":7,"status":"paid"}')
        (work / "www" / "page.txt").write_text("lanternfish " * 40)
        (work / "www" / "slow.txt").write_text("slow " * 2000)
        (work / "nginx.conf").write_text(f"""
worker_processes 1; error_log {work}/error.log; pid {work}/nginx.pid; daemon off;
events {{ worker_connections 64; }}
http {{
  access_log off; types {{ application/json json; text/plain txt; }} gzip on; gzip_types text/plain; gzip_min_length 10;
  server {{ listen 127.0.0.1:8080; root {work}/www; error_page 405 =200 $uri;
    add_header Set-Cookie "session=3f9a1c; Path=/; HttpOnly"; add_header X-Served-By lanternfish;
    location /page.txt {{ add_trailer X-Checksum 9f86d081; }} location /slow.txt {{ limit_rate 1k; gzip off; }}
    location /fail {{ return 503 "broken"; }} }}
}}""")
        os.chmod(work / "www", 0o755)
        with process(*inside, "nginx", "-c", work / "nginx.conf", "-p", work, stderr=subprocess.DEVNULL):
            time.sleep(1)
            base = "http://127.0.0.1:8080"
            with recording("http", inside):
                curl = lambda *words: run(*inside, "curl", "-s", "-o", "/dev/null", *words)
                curl("-H", "Host: shop.example.org", "-H", "Authorization: Token abc", "-b", "session=3f9a1c; theme=dark", "-H", "Content-Type: application/json",
                     "-d", '{"item":"pen"}', f"{base}/orders.json?page=2&sort=up", "--next", "-s", "-o", "/dev/null", f"{base}/gone")
                curl("-d", "user=ada&role=admin%2Fops", f"{base}/orders.json")
                curl("-F", "avatar=@/etc/hostname", "-F", "title=me", f"{base}/orders.json")
                curl("--compressed", f"{base}/page.txt")
                curl("-x", base, "http://shop.example.org/fail")
                curl("-0", f"{base}/orders.json")
                curl("-m", "1", f"{base}/slow.txt")


def dns(work):
    with namespaces("d") as (name,):
        inside = within(name)
        common = ["no-resolv", "no-hosts", "bind-interfaces", "user=root"]
        (work / "cache.conf").write_text("\n".join([
            *common, "listen-address=127.0.0.1", "local-ttl=300", "local=/test/", "address=/forged.test/192.0.2.66", "host-record=shop.test,192.0.2.7",
            "cname=www.test,shop.test", "mx-host=mail.test,relay.test,10", "host-record=relay.test,192.0.2.26", "srv-host=_web._tcp.test,shop.test,8080",
            "txt-record=big.test," + ",".join(f'"{chr(97 + n) * 150}"' for n in range(5))]))
        (work / "zone.conf").write_text("\n".join([
            *common, "port=5300", "auth-server=ns1.example.org,lo", "auth-zone=example.org,192.0.2.0/24", "auth-ttl=600",
            "host-record=shop.example.org,192.0.2.7", "mx-host=example.org,mx.example.org,10", "host-record=mx.example.org,192.0.2.25"]))
        servers = [process(*inside, "dnsmasq", "-k", "-C", work / f"{name}.conf") for name in ("cache", "zone")]
        with servers[0], servers[1], recording("dns", inside):
            time.sleep(1)
            dig = lambda *words: run(*inside, "dig", "+time=1", "+tries=1", *words)
            dig("@127.0.0.1", "mail.test", "MX")
            dig("@127.0.0.1", "www.test", "A")
            dig("@127.0.0.1", "_web._tcp.test", "SRV")
            dig("@127.0.0.1", "forged.test", "A", "+dnssec", "+subnet=192.0.2.0/24", "+cdflag")
            dig("@127.0.0.1", "big.test", "TXT", "+noedns", "+ignore")
            dig("@127.0.0.1", "unknown.test", "A")
            dig("@127.0.0.1", "shop.test", "A", "+tcp")
            dig("@127.0.0.1", "-p", "5300", "shop.example.org", "A")
            dig("@127.0.0.1", "-p", "5300", "shop.example.org", "MX")
            dig("@127.0.0.1", "example.net", "A")


def dns_names(work):
    with namespaces("n") as (name,):
        inside = within(name)
        (work / "index.html").write_text("hello")
        (work / "dnsmasq.conf").write_text("no-resolv\nno-hosts\nlisten-address=127.0.0.1\nbind-interfaces\n"
                                           "host-record=shop.example.org,127.0.0.2\nhost-record=web.example.org,127.0.0.3\n")
        web = process(*inside, "python3", "-m", "http.server", "8000", "--bind", "127.0.0.2", cwd=work, stderr=subprocess.DEVNULL)
        with web, process(*inside, "dnsmasq", "-k", "-C", work / "dnsmasq.conf", "--user=root"):
            time.sleep(1)
            with recording("names", inside):
                for host in ("shop.example.org", "web.example.org"):
                    run(*inside, "dig", "@127.0.0.1", "+noedns", host)
                run(*inside, "curl", "-s", "-o", "/dev/null", "--interface", "127.0.0.3", "http://127.0.0.2:8000/index.html")


def certificates(work):
    """An authority with certificates of a server and a client, each with a SPIFFE ID, and one that has expired."""
    openssl = lambda *words: run("openssl", *words, check=True, cwd=work)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", "/O=Example CA/CN=E1", "-keyout", "ca.key", "-out", "ca.pem")
    (work / "index.txt").write_text("")
    (work / "ca.cnf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={work}/index.txt\nnew_certs_dir={work}\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\nCN=supplied\n")
    for name, serial, names, begin, end in [
        ("server", "0A1B2C3D", "DNS:shop.example.org,URI:spiffe://cluster.local/ns/shop/sa/cart", "20260101000000Z", "20460101000000Z"),
        ("client", "1C2D3E4F", "DNS:web.example.org,URI:spiffe://cluster.local/ns/shop/sa/web", "20260101000000Z", "20460101000000Z"),
        ("old", "2D3E4F50", "DNS:old.example.org", "20200101000000Z", "20210101000000Z"),
    ]:
        (work / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        (work / "serial").write_text(serial + "\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("ca", "-batch", "-config", "ca.cnf", "-keyfile", "ca.key", "-cert", "ca.pem", "-rand_serial" if False else "-notext", "-in", f"{name}.csr", "-out", f"{name}.pem",
                "-startdate", begin, "-enddate", end, "-extfile", f"{name}.ext", "-config", with_serial(work))
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=alone", "-keyout", "alone.key", "-out", "alone.pem")


def with_serial(work):
    text = (work / "ca.cnf").read_text()
    if "serial=" not in text:
        (work / "ca.cnf").write_text(text.replace("[p]", f"serial={work}/serial\n[p]"))
    return "ca.cnf"


def tls(work):
    certificates(work)
    with namespaces("t") as (name,):
        inside = within(name)

        @contextlib.contextmanager
        def server(port, certificate, *words):
            with process(*inside, "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", f"{certificate}.pem", "-key", f"{certificate}.key", "-www", *words,
                         cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                time.sleep(0.7)
                yield

        def client(port, *words):
            run(*inside, "openssl", "s_client", "-connect", f"127.0.0.1:{port}", *words, cwd=work, input=b"GET / HTTP/1.0\r\n\r\n")

        with recording("tls", inside):
            with server(4431, "server", "-alpn", "h2,http/1.1"):
                client(4431, "-servername", "shop.example.org", "-alpn", "h2,http/1.1", "-sess_out", "session.pem", "-groups", "X25519:P-256")
                client(4431, "-servername", "shop.example.org", "-sess_in", "session.pem")
            with server(4432, "server", "-tls1_2", "-CAfile", "ca.pem", "-Verify", "1", "-alpn", "http/1.1"):
                client(4432, "-tls1_2", "-servername", "shop.example.org", "-cert", "client.pem", "-key", "client.key", "-alpn", "http/1.1")
                client(4432, "-tls1_2", "-servername", "shop.example.org")
            with server(4433, "old", "-tls1", "-cipher", "ALL:@SECLEVEL=0"):
                client(4433, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
            with server(4434, "alone", "-tls1_2"):
                client(4434, "-tls1_2")
            with server(4435, "server", "-groups", "P-384"):
                client(4435, "-groups", "X25519:P-384")
            # A browser, whose ClientHello holds a dummy of an encrypted one.
            with server(4436, "server"):
                run(*inside, "timeout", "20", "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={work}/browser", "--ignore-certificate-errors",
                    "--dump-dom", "https://127.0.0.1:4436/", timeout=40)


def redis(work):
    with namespaces("r") as (name,):
        inside = within(name)
        with process(*inside, "redis-server", "--port", "6379", "--bind", "127.0.0.1", "--save", "", "--dir", work, stdout=subprocess.DEVNULL):
            time.sleep(1)
            cli = lambda *words, **rest: run(*inside, "redis-cli", *words, **rest)
            with recording("redis", inside):
                cli("SET", "user:7", "Ada L.")
                cli("GET", "user:7")
                cli("LPUSH", "user:7", "x")
                with process(*inside, "redis-cli", "SUBSCRIBE", "news", stdout=subprocess.DEVNULL):
                    time.sleep(0.5)
                    cli("PUBLISH", "news", "hello")
                    time.sleep(0.5)


def transport(work):
    """Connections that go wrong in every way, datagrams and pings; in a namespace with two addresses."""
    with namespaces("x") as (name,):
        inside = within(name)
        script = work / "talk.py"
        script.write_text(TALK)
        # Behind this link is nobody: a SYN there is never answered, and seen at both ends.
        run("ip", "-n", name, "link", "add", "void0", "type", "veth", "peer", "name", "void1", check=True)
        run("ip", "-n", name, "link", "set", "void1", "up", check=True)
        run("ip", "-n", name, "addr", "add", "192.0.2.1/24", "dev", "void0", check=True)
        run("ip", "-n", name, "link", "set", "void0", "up", check=True)
        run("ip", "-n", name, "neigh", "add", "192.0.2.9", "lladdr", "02:00:00:00:00:09", "dev", "void0", check=True)
        run(*inside, "sysctl", "-q", "-w", "net.ipv4.tcp_syn_retries=1", check=True)
        with recording("transport", inside, interface="any", expression="ip or (icmp6 and ip6[40] >= 128 and ip6[40] <= 129)", more=("-y", "LINUX_SLL2")):
            run(*inside, "python3", script, timeout=60)
            run(*inside, "ping", "-c", "2", "-i", "0.2", "-s", "40", "-e", "4711", "127.0.0.1")
            run(*inside, "ping", "-c", "1", "-e", "4712", "::1")


TALK = r'''
import socket, struct, threading, time
def serve(port, talk):
    listener = socket.create_server(("127.0.0.1", port))
    def run():
        peer, _ = listener.accept()
        talk(peer)
    threading.Thread(target=run, daemon=True).start()
def unknown(peer):
    peer.recv(100); peer.sendall(b"\x01\x02\x03 pong"); peer.recv(100); peer.close()
serve(7001, unknown)
with socket.create_connection(("127.0.0.1", 7001)) as s:
    s.sendall(b"\xf0\x9f zebra 42"); s.recv(100)
# Reset before any data.
def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); peer.close()
serve(7002, reset)
s = socket.create_connection(("127.0.0.1", 7002)); time.sleep(0.3); s.close()
# Nobody listens.
try: socket.create_connection(("127.0.0.1", 7003))
except OSError: pass
# Nobody answers.
s = socket.socket(); s.settimeout(2)
try: s.connect(("192.0.2.9", 7004))
except OSError: pass
s.close()
# A reader that does not read: the window closes, and opens again.
def lazy(peer):
    time.sleep(1.2)
    while peer.recv(65536): pass
    peer.close()
listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048); listener.bind(("127.0.0.1", 7005)); listener.listen()
def accept():
    peer, _ = listener.accept(); lazy(peer)
threading.Thread(target=accept, daemon=True).start()
with socket.create_connection(("127.0.0.1", 7005)) as s:
    s.sendall(b"\xf1" * 6000); s.shutdown(socket.SHUT_WR); s.recv(1)
# Silence with keep-alives.
def quiet(peer):
    peer.recv(100); peer.recv(100); peer.close()
serve(7006, quiet)
with socket.create_connection(("127.0.0.1", 7006)) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    s.sendall(b"\xf2 quiet"); time.sleep(2.4)
# Datagrams of a protocol that nobody knows, and one to a port where nobody is.
a, b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b.bind(("127.0.0.1", 7007)); a.connect(("127.0.0.1", 7007)); a.send(b"\xf3 zebra"); b.recvfrom(100)
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.connect(("127.0.0.1", 7008)); c.send(b"\xf4 lost"); time.sleep(0.2)
'''


def tunnel(work):
    """A call through a VXLAN between two namespaces."""
    with namespaces("a", "b") as (left, right):
        run("ip", "link", "add", "t0", "netns", left, "type", "veth", "peer", "name", "t0", "netns", right, check=True)
        for name, own, other, number in ((left, "10.9.0.1", "10.9.0.2", 1), (right, "10.9.0.2", "10.9.0.1", 2)):
            run("ip", "-n", name, "addr", "add", f"{own}/24", "dev", "t0", check=True)
            run("ip", "-n", name, "link", "set", "t0", "up", check=True)
            run("ip", "-n", name, "link", "add", "vx0", "type", "vxlan", "id", "42", "local", own, "remote", other, "dstport", "4789", check=True)
            run("ip", "-n", name, "addr", "add", f"10.42.0.{number}/24", "dev", "vx0", check=True)
            run("ip", "-n", name, "link", "set", "vx0", "up", check=True)
        (work / "index.html").write_text("hello")
        with process(*within(right), "python3", "-m", "http.server", "8000", "--bind", "10.42.0.2", cwd=work, stderr=subprocess.DEVNULL):
            time.sleep(2)
            with recording("tunnel", within(left), interface="t0", expression="udp port 4789"):
                run(*within(left), "curl", "-s", "-o", "/dev/null", "http://10.42.0.2:8000/index.html")


def router(work):
    """ICMP errors of a real router: a packet too large, and a better way; neighbours and groups of IPv6."""
    with namespaces("c", "g", "s") as (client, gateway, server):
        link = lambda a, x, b, y: run("ip", "link", "add", x, "netns", a, "type", "veth", "peer", "name", y, "netns", b, check=True)
        link(client, "c0", gateway, "g0")
        link(gateway, "g1", server, "s0")
        for name, device, *addresses in ((client, "c0", "10.1.0.2/24", "fd01::2/64"), (gateway, "g0", "10.1.0.1/24", "fd01::1/64"), (gateway, "g1", "10.2.0.1/24"), (server, "s0", "10.2.0.2/24")):
            for address in addresses:
                run("ip", "-n", name, "addr", "add", address, "dev", device, *(("nodad",) if ":" in address else ()), check=True)
            run("ip", "-n", name, "link", "set", device, "up", check=True)
        run("ip", "-n", gateway, "link", "set", "g1", "mtu", "1400", check=True)
        run("ip", "-n", client, "route", "add", "default", "via", "10.1.0.1", check=True)
        run("ip", "-n", server, "route", "add", "default", "via", "10.2.0.1", check=True)
        run(*within(gateway), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=1", "net.ipv4.conf.g0.send_redirects=1", check=True)
        # The way to 10.3.0.0/24 leads back through the client's own network: the gateway tells of it.
        run("ip", "-n", gateway, "route", "add", "10.3.0.0/24", "via", "10.1.0.9", check=True)
        run("ip", "-n", gateway, "neigh", "add", "10.1.0.9", "lladdr", "02:00:00:00:00:09", "dev", "g0", check=True)
        time.sleep(2)
        with recording("router", within(client), interface="c0", expression="icmp or ip6"):
            run(*within(client), "ping", "-c", "1", "-W", "1", "-M", "do", "-s", "1450", "10.2.0.2")
            run(*within(client), "ping", "-c", "1", "-W", "1", "10.3.0.7")
            run(*within(client), "ping", "-c", "1", "-W", "1", "fd01::1")
            run(*within(client), "python3", "-c", "import socket, struct, time; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); "
                "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, 'ff05::1:3') + struct.pack('@I', socket.if_nametoindex('c0'))); time.sleep(1.5)")


ALL = {"http": http, "dns": dns, "names": dns_names, "tls": tls, "redis": redis, "transport": transport, "tunnel": tunnel, "router": router}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        with folder() as work:
            ALL[name](pathlib.Path(work))
