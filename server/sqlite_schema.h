#pragma once

#include <cstdint>

#include "server/sqlite_database.h"

namespace metserve::server {

/// The schema that databases of this program have.
std::int64_t current_schema();

/// The schema of a database, 0 for a new one. Throws Error(io) for that of a newer program.
std::int64_t schema_of(Database& database);

/// Makes the tables in a new database, and brings an older one up to date. Throws like `schema_of`.
void prepare_schema(Database& database);

}  // namespace metserve::server
