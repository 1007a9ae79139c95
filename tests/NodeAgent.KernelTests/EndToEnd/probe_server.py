"""Servers that probes meet: one that behaves, and others that do not. Arguments: a folder with cert.pem and key.pem.

8001 HTTP, the path says how; 8002 accepts and hangs; 8443 the same as 8001 with a certificate that has expired, for another name;
8004 gRPC with a health service; 8005 gRPC without one. 8003 stays closed.
"""
import socket
import ssl
import sys
import threading
import time
from concurrent import futures

import grpc

CRLF = "\r\n"


def answer(status, *headers, body=""):
    return (f"HTTP/1.1 {status}{CRLF}" + "".join(h + CRLF for h in headers) + CRLF + body).encode()


def serve(connection):
    request = b""
    while b"\r\n\r\n" not in request:
        got = connection.recv(4096)
        if not got:
            return
        request += got
    lines = request.decode().split(CRLF)
    path = lines[0].split()[1]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    if path == "/ok":
        connection.sendall(answer("200 OK", "Content-Length: 2", body="ok"))
    elif path == "/chunked":
        # Does not close, although it was asked to: only the framing tells the end.
        connection.sendall(answer("200 OK", "Transfer-Encoding: chunked", body=f"2{CRLF}ok{CRLF}0{CRLF}{CRLF}"))
        connection.recv(1)
    elif path == "/early-hints":
        connection.sendall(answer("103 Early Hints", "Link: </x>") + answer("200 OK", "Content-Length: 0"))
    elif path == "/fails":
        connection.sendall(answer("503 Service Unavailable", "Content-Length: 0"))
    elif path == "/stalls":
        time.sleep(3600)
    elif path == "/stalls-in-body":
        connection.sendall(answer("200 OK", "Content-Length: 100", body="only this"))
        time.sleep(3600)
    elif path == "/gigabyte":
        connection.sendall(answer("200 OK", f"Content-Length: {1 << 30}"))
        try:
            for _ in range(1 << 10):
                connection.sendall(bytes(1 << 20))
        except OSError:
            pass
    elif path == "/cut":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    elif path == "/no-http":
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    elif path == "/moved-here":
        connection.sendall(answer("302 Found", "Location: /ok", "Content-Length: 0"))
    elif path == "/moved-port":
        connection.sendall(answer("302 Found", "Location: https://127.0.0.1:8443/ok", "Content-Length: 0"))
    elif path == "/moved-away":
        connection.sendall(answer("302 Found", "Location: http://elsewhere.invalid/ok", "Content-Length: 0"))
    elif path == "/round":
        connection.sendall(answer("302 Found", "Location: /round", "Content-Length: 0"))
    elif path == "/asks?for=headers":
        right = headers.get("host") == "web.example" and headers.get("x-probe") == "yes" and headers.get("accept") is None \
            and headers.get("user-agent", "").startswith("kube-probe/")
        connection.sendall(answer("200 OK" if right else "400 Bad Request", "Content-Length: 0"))
    else:
        connection.sendall(answer("404 Not Found", "Content-Length: 0"))


def handle(raw, wrap):
    try:
        with wrap(raw) as connection:
            serve(connection)
    except (OSError, ssl.SSLError):
        pass


def listen(port, wrap):
    server = socket.create_server(("127.0.0.1", port))
    while True:
        raw, _ = server.accept()
        threading.Thread(target=handle, args=(raw, wrap), daemon=True).start()


def health(request, _):
    # Field 1 is the name of the service, if there is one.
    name = request[2:].decode()
    if name == "ill":
        return b"\x08\x02"
    return b"\x08\x01"


def grpc_server(port, handlers):
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(handlers)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


def main():
    folder = sys.argv[1]
    hanging = socket.create_server(("127.0.0.1", 8002))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
    check = grpc.unary_unary_rpc_method_handler(health)
    servers = [
        grpc_server(8004, (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check}),)),
        grpc_server(8005, ()),
    ]
    threading.Thread(target=listen, args=(8443, lambda raw: context.wrap_socket(raw, server_side=True)), daemon=True).start()
    threading.Thread(target=listen, args=(8001, lambda raw: raw), daemon=True).start()
    print("serving", flush=True)
    threading.Event().wait()
    del hanging, servers


main()
