#include <cstdlib>
#include <memory>

#include "dicom/runtime.h"
#include "server/commands/commands.h"
#include "server/posix_file.h"
#include "server/service.h"
#include "server/stop_signals.h"

namespace metserve::server {
namespace {

/// DCMTK's errors are mostly a peer's doing: one step less loud here.
LogLevel level_of(dicom::LogLevel level) {
  if (level == dicom::LogLevel::error) return LogLevel::warning;
  return level == dicom::LogLevel::warning ? LogLevel::info : LogLevel::debug;
}

/// Until a signal, or until a device is broken. Returns the exit status.
int serve(const std::filesystem::path& file) {
  hide_new_files_from_others();
  const StopSignals signals;
  const Config config = load_config(file);
  const Log log(config.log);
  const dicom::Runtime runtime([&log](dicom::LogLevel level, const std::string& text) {
    log.write(level_of(level), "dcmtk: " + text);
  });
  Service service(config, log);
  log.info("ready: " + config.dicom.ae_title + " on port " + std::to_string(service.dicom_port()) +
           ", HTTP on port " + std::to_string(service.http_port()) + ", model " + service.model().name + " " +
           service.model().version);
  signals.wait([&service] { return service.broken(); }, [&service] { service.reload(); });
  const int status = service.broken() ? EXIT_FAILURE : EXIT_SUCCESS;
  // A worker that does not react cannot be waited for; its study is handed back, and the next start takes it
  // up.
  if (service.stop() > 0) std::_Exit(status);
  return status;
}

}  // namespace

void add_serve(CLI::App& program, int& status) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand("serve", "Run the server until SIGTERM");
  command->add_option("--config", *file, "Configuration, e.g. /etc/metserve/metserve.yaml")->required();
  command->callback([file, &status] { status = serve(*file); });
}

}  // namespace metserve::server
