import Foundation

#if canImport(Darwin)
  import Darwin
#endif

/// Returns the largest resident set of this process since it started, in bytes (`getrusage`).
func peakMemoryBytes() -> Int {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024  // Linux counts in KiB.
  #endif
}
