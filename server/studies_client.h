#pragma once

#include <string>

#include "server/config.h"
#include "server/http_handlers.h"

namespace metserve::server {

/// Asks about studies and acts on them the way a program does through HTTP: the running server when there is
/// one, else its storage directory, which is held meanwhile so that no server starts on it. Requests and
/// answers are the same (`handle`). Throws Error when neither can be reached, saying why for both.
HttpResponse ask_about_studies(const Config& config, const HttpRequest& request);

}  // namespace metserve::server
