select file, sha256, licence, imported_at from boundary_source
