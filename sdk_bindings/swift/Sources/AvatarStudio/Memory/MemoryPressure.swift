import Foundation

/// Returns a stream with one element for each warning of the system that memory is short.
func memoryPressure() -> AsyncStream<Void> {
  AsyncStream { continuation in
    #if canImport(Darwin)
      let source = MemoryPressureSource { continuation.yield() }
      continuation.onTermination = { _ in source.cancel() }
    #else
      continuation.finish()  // Linux sends no such warnings.
    #endif
  }
}

#if canImport(Darwin)
  /// Wraps a Dispatch source, which is safe to use from any thread but is not marked `Sendable`.
  private final class MemoryPressureSource: @unchecked Sendable {
    private let source: any DispatchSourceProtocol

    init(_ handler: @escaping @Sendable () -> Void) {
      source = DispatchSource.makeMemoryPressureSource(
        eventMask: [.warning, .critical], queue: .global(qos: .utility))
      source.setEventHandler(handler: handler)
      source.activate()
    }

    func cancel() { source.cancel() }
  }
#endif
