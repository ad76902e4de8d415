"""A storage SCP that answers what it is told to, for destinations as they are on a bad day."""

import socket
import struct
import threading

from wire import ABORT, ASSOCIATE_AC, ASSOCIATE_RQ, P_DATA, RELEASE_RP, RELEASE_RQ, elements_of, item, padded, p_data, pdu


def items_in(data):
    """(type, content) of each item."""
    at = 0
    while at + 4 <= len(data):
        kind, _, length = struct.unpack_from(">BBH", data, at)
        yield kind, data[at + 4:at + 4 + length]
        at += 4 + length


def accept_all(request):
    """An A-ASSOCIATE-AC that takes the first transfer syntax of every presentation context."""
    body = request[:68] + item(0x10, b"1.2.840.10008.3.1.1.1")
    for kind, content in items_in(request[68:]):
        if kind == 0x20:
            syntax = next(value for part, value in items_in(content[4:]) if part == 0x40)
            body += item(0x21, bytes([content[0], 0, 0, 0]) + item(0x40, syntax))
    return pdu(ASSOCIATE_AC, body + item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3")))


def store_response(command, status):
    body = b""
    for number, value in ((0x0002, command[0x0002]), (0x0100, struct.pack("<H", 0x8001)), (0x0120, command[0x0110]),
                          (0x0800, struct.pack("<H", 0x0101)), (0x0900, struct.pack("<H", status)),
                          (0x1000, command[0x1000])):
        body += struct.pack("<HHI", 0, number, len(padded(value))) + padded(value)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


class AnsweringScp(threading.Thread):
    """`status`: what every C-STORE is answered with, or None: no answer until `hang_up`. Both may be changed."""

    def __init__(self, ae_title, status):
        super().__init__(daemon=True)
        self.ae_title, self.status, self.received, self.hangs = ae_title, status, [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.dicom_port = self.listener.getsockname()[1]
        self.hang_up = threading.Event()
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            command = {}
            while (head := stream.read(6)) and len(head) == 6:
                body = stream.read(struct.unpack(">I", head[2:])[0])
                if head[0] == ASSOCIATE_RQ:
                    connection.sendall(accept_all(body))
                elif head[0] == RELEASE_RQ:
                    connection.sendall(pdu(RELEASE_RP, bytes(4)))
                elif head[0] == ABORT:
                    return
                elif head[0] == P_DATA and not self._take(connection, body, command):
                    return

    def _take(self, connection, body, command):
        """One P-DATA-TF; false when the association is to end."""
        while len(body) >= 6:
            length, context, flags = struct.unpack_from(">IBB", body)
            fragment, body = body[6:4 + length], body[4 + length:]
            if flags & 1:
                command["bytes"] = command.get("bytes", b"") + fragment
            elif flags & 2:
                fields = elements_of(command.pop("bytes"))
                if self.status is None:
                    self.hangs.set()
                    self.hang_up.wait()
                    return False
                self.received.append(fields[0x1000].rstrip(b"\0").decode())
                connection.sendall(p_data(store_response(fields, self.status), True, True, context))
        return True
