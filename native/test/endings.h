// Owns the ways in which a process ends while the host is at work in it.
#pragma once

#include <string>

namespace redline::check {

/// The endings there are, one a line.
void print_endings();

/// Ends the process in one of these ways, with status 0. Returns a status when it cannot.
int end(const std::string& name);

}  // namespace redline::check
