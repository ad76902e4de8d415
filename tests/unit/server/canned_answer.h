#pragma once

#include <cstdint>
#include <string>

#include "tests/unit/dicom/peer_programs.h"

namespace metserve::server {

/// An HTTP server in a process of its own that takes every body and gives every request the same answer, or
/// none with status 0.
class CannedAnswer {
 public:
  struct Options {
    std::string status = "200", content_type, body;
    std::string certificate{}, key{};  ///< PEM files; with them it speaks TLS
  };
  explicit CannedAnswer(const Options& options)
      : port_(dicom::test::free_port()),
        program_({"/usr/bin/python3", "-c", script, std::to_string(port_), options.status,
                  options.content_type, options.body, options.certificate, options.key},
                 port_, 20) {}
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/dicom-web"; }
  std::string secure_url() const { return "https://127.0.0.1:" + std::to_string(port_) + "/dicom-web"; }

 private:
  static constexpr const char* script = R"python(
import http.server, ssl, sys
port, status, content_type, body, certificate, key = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if status == "0":  # hangs up
            self.close_connection = True
            return
        self.send_response(int(status))
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body.encode("ascii"))
    do_POST = do_GET
server = http.server.HTTPServer(("127.0.0.1", int(port)), Handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
)python";
  std::uint16_t port_;
  dicom::test::RunningProgram program_;
};

}  // namespace metserve::server
