#pragma once

#include "server/sqlite_database.h"

namespace metserve::server {

/// Makes the tables in a new database. Throws Error(io) for a database of a newer program.
void prepare_schema(Database& database);

}  // namespace metserve::server
