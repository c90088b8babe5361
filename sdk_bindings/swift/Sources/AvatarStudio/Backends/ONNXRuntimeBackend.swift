#if canImport(COnnxRuntime)
  import COnnxRuntime
  import Foundation

  /// Runs `.onnx` and `.ort` models with ONNX Runtime's C interface, on the CPU.
  public struct ONNXRuntimeBackend: Backend {
    private let threads: Int

    /// - Parameter threads: Threads that one call may use; 0 leaves it to ONNX Runtime.
    public init(threads: Int = 0) {
      self.threads = threads
    }

    /// Models are files.
    public var needsFiles: Bool { true }

    /// The version of ONNX Runtime that is linked, such as `"1.21.0"`.
    public static var version: String {
      guard let text = OrtGetApiBase()?.pointee.GetVersionString?() else { return "unknown" }
      return String(cString: text)
    }

    /// Opens a session. Throws `outOfMemory` or `runtimeFailed`.
    public func load(
      _ component: ComponentDescription, of model: ModelDescription, in folder: URL?
    ) async throws(AvatarError) -> any Runner {
      guard let folder else { throw .modelMissing(path: component.path) }
      let file = folder.appendingPathComponent(component.path)
      let runtime = try ONNXRuntime(component: component.name)
      return try ONNXSession(component, file: file, threads: threads, runtime: runtime)
    }
  }

  /// ONNX Runtime's table of functions, whose entries Swift sees as optional.
  struct ONNXRuntime: @unchecked Sendable {  // the table is constant
    let api: UnsafePointer<OrtApi>
    let component: String

    init(component: String) throws(AvatarError) {
      guard let api = OrtGetApiBase()?.pointee.GetApi?(UInt32(ORT_API_VERSION)) else {
        let reason = "ONNX Runtime \(ONNXRuntimeBackend.version) lacks interface \(ORT_API_VERSION)"
        throw .runtimeFailed(component: component, reason: reason)
      }
      self.api = api
      self.component = component
    }

    /// Calls one function of the table; throws what the status it gives says.
    func call<Function>(
      _ function: KeyPath<OrtApi, Function?>, _ body: (Function) -> OrtStatusPtr?
    ) throws(AvatarError) {
      guard let function = api.pointee[keyPath: function] else {
        throw .runtimeFailed(component: component, reason: "ONNX Runtime lacks a function")
      }
      guard let status = body(function) else { return }
      defer { api.pointee.ReleaseStatus?(status) }
      let message = api.pointee.GetErrorMessage?(status).map { String(cString: $0) } ?? "unknown"
      // What ONNX Runtime says when memory runs out; it has no status code of its own for that.
      if message.contains("bad_alloc") || message.contains("Failed to allocate memory") {
        throw .outOfMemory
      }
      throw .runtimeFailed(component: component, reason: message)
    }

    /// Calls a function that makes something; `body` gets where the result goes.
    func make<Function>(
      _ function: KeyPath<OrtApi, Function?>,
      _ body: (Function, UnsafeMutablePointer<OpaquePointer?>) -> OrtStatusPtr?
    ) throws(AvatarError) -> OpaquePointer {
      var result: OpaquePointer?
      try call(function) { body($0, &result) }
      guard let result else {
        throw .runtimeFailed(component: component, reason: "ONNX Runtime gave nothing")
      }
      return result
    }
  }
#endif
