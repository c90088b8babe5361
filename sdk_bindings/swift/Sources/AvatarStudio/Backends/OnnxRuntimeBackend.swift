#if canImport(COnnxRuntime)
  import COnnxRuntime
  import Foundation

  /// Runs `.onnx` and `.ort` models with ONNX Runtime, through its C interface and on the CPU.
  public struct OnnxRuntimeBackend: Backend {
    private let threads: Int

    /// Creates a backend.
    ///
    /// - Parameter threads: The number of threads that one call may use. With 0 ONNX Runtime chooses.
    public init(threads: Int = 0) {
      self.threads = threads
    }

    /// True: models are files.
    public var needsFiles: Bool { true }

    /// The version of the linked ONNX Runtime, such as `"1.21.0"`.
    public static var version: String {
      guard let text = OrtGetApiBase()?.pointee.GetVersionString?() else { return "unknown" }
      return String(cString: text)
    }

    /// Opens a session for the component. Throws `outOfMemory` or `runtimeFailed`.
    public func load(
      _ component: Component, of manifest: Manifest, in folder: URL?
    ) async throws(AvatarError) -> any Runner {
      guard let folder else { throw .modelMissing(path: component.path) }
      let file = folder.appendingPathComponent(component.path)
      let runtime = try OnnxRuntime(component: component.name)
      return try OnnxRuntimeRunner(component, file: file, threads: threads, runtime: runtime)
    }
  }

  /// ONNX Runtime's table of functions.
  ///
  /// Swift imports its entries as optionals.
  struct OnnxRuntime: @unchecked Sendable {  // The table is constant.
    let api: UnsafePointer<OrtApi>
    let component: String

    init(component: String) throws(AvatarError) {
      guard let api = OrtGetApiBase()?.pointee.GetApi?(UInt32(ORT_API_VERSION)) else {
        let reason = "ONNX Runtime \(OnnxRuntimeBackend.version) lacks interface \(ORT_API_VERSION)"
        throw .runtimeFailed(component: component, reason: reason)
      }
      self.api = api
      self.component = component
    }

    /// Calls one function of the table. Throws `outOfMemory` or `runtimeFailed` if it fails.
    func call<Function>(
      _ function: KeyPath<OrtApi, Function?>, _ body: (Function) -> OrtStatusPtr?
    ) throws(AvatarError) {
      guard let function = api.pointee[keyPath: function] else {
        throw .runtimeFailed(component: component, reason: "ONNX Runtime lacks a function")
      }
      guard let status = body(function) else { return }
      defer { api.pointee.ReleaseStatus?(status) }
      let message = api.pointee.GetErrorMessage?(status).map { String(cString: $0) } ?? "unknown"
      // ONNX Runtime has no status code for a failed allocation, so the message is searched.
      if message.contains("bad_alloc") || message.contains("Failed to allocate memory") {
        throw .outOfMemory
      }
      throw .runtimeFailed(component: component, reason: message)
    }

    /// Calls a function that creates an object. `body` gets the address for the result.
    func make<Function>(
      _ function: KeyPath<OrtApi, Function?>,
      _ body: (Function, UnsafeMutablePointer<OpaquePointer?>) -> OrtStatusPtr?
    ) throws(AvatarError) -> OpaquePointer {
      var result: OpaquePointer?
      try call(function) { body($0, &result) }
      guard let result else {
        throw .runtimeFailed(component: component, reason: "ONNX Runtime returned nothing")
      }
      return result
    }
  }
#endif
