import Foundation

/// The system's warnings that memory is short, as a stream.
func memoryWarnings() -> AsyncStream<Void> {
  AsyncStream { continuation in
    #if canImport(Darwin)
      let source = MemoryPressureSource { continuation.yield() }
      continuation.onTermination = { _ in source.cancel() }
    #else
      continuation.finish()  // Linux sends none
    #endif
  }
}

#if canImport(Darwin)
  /// Dispatch's source, which may be used on any thread but does not say so.
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
