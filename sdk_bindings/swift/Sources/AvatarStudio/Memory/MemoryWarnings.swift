import Foundation

/// The system's warnings that memory is short, as a stream.
func memoryWarnings() -> AsyncStream<Void> {
  AsyncStream { continuation in
    #if canImport(Darwin)
      let source = DispatchSource.makeMemoryPressureSource(
        eventMask: [.warning, .critical], queue: .global(qos: .utility))
      source.setEventHandler { continuation.yield() }
      continuation.onTermination = { _ in source.cancel() }
      source.activate()
    #else
      continuation.finish()  // Linux sends none
    #endif
  }
}
