#if canImport(COnnxRuntime)
  import COnnxRuntime
  import Foundation

  /// A component that ONNX Runtime has loaded.
  ///
  /// ONNX Runtime reads inputs and writes outputs in the studio's memory, so nothing is copied.
  final class OnnxRuntimeRunner: Runner, @unchecked Sendable {  // A session runs on any thread.
    private let runtime: OnnxRuntime
    private let component: Component
    private let session: OpaquePointer
    private let memory: OpaquePointer

    init(
      _ component: Component, file: URL, threads: Int, runtime: OnnxRuntime
    ) throws(AvatarError) {
      self.runtime = runtime
      self.component = component
      let api = runtime.api.pointee
      let environment = try OnnxEnvironment.shared(runtime)
      let options = try Self.options(runtime, threads: threads)
      defer { api.ReleaseSessionOptions?(options) }
      session = try runtime.make(\.CreateSession) { $0(environment, file.path, options, $1) }
      do throws(AvatarError) {
        memory = try runtime.make(\.CreateCpuMemoryInfo) {
          $0(OrtArenaAllocator, OrtMemTypeDefault, $1)
        }
      } catch {
        api.ReleaseSession?(session)
        throw error
      }
    }

    deinit {
      let api = runtime.api.pointee
      api.ReleaseMemoryInfo?(memory)
      api.ReleaseSession?(session)
    }

    /// Creates the options of the session.
    ///
    /// Without the arena and memory patterns, memory returns to the system after each call.
    private static func options(
      _ runtime: OnnxRuntime, threads: Int
    ) throws(AvatarError) -> OpaquePointer {
      let options = try runtime.make(\.CreateSessionOptions) { $0($1) }
      do throws(AvatarError) {
        try runtime.call(\.SetIntraOpNumThreads) { $0(options, Int32(threads)) }
        try runtime.call(\.DisableCpuMemArena) { $0(options) }
        try runtime.call(\.DisableMemPattern) { $0(options) }
        #if arch(x86_64)
          // On x86 processors without VNNI the sums of 8-bit products saturate. On phones they do
          // not. With this option the quantized values are computed in float32 instead.
          try runtime.call(\.AddSessionConfigEntry) {
            $0(options, "session.disable_quant_qdq", "1")
          }
        #endif
        return options
      } catch {
        runtime.api.pointee.ReleaseSessionOptions?(options)
        throw error
      }
    }

    func run(_ inputs: [String: Tensor], into outputs: [String: Tensor]) throws(AvatarError) {
      let given = try OnnxValues(component.inputs, inputs, runtime, memory)
      let wanted = try OnnxValues(component.outputs, outputs, runtime, memory)
      try given.withNames { (names) throws(AvatarError) in
        try wanted.withNames { (outputNames) throws(AvatarError) in
          var results = wanted.values
          try runtime.call(\.Run) { run in
            run(
              session, nil, names, given.values, names.count, outputNames, outputNames.count,
              &results)
          }
        }
      }
      withExtendedLifetime((given, wanted, inputs, outputs)) {}
    }
  }

  /// The environment of ONNX Runtime, which exists once per process.
  private enum OnnxEnvironment {
    private final class Holder: @unchecked Sendable {  // The lock guards it.
      let lock = NSLock()
      var environment: OpaquePointer?
    }

    private static let holder = Holder()

    static func shared(_ runtime: OnnxRuntime) throws(AvatarError) -> OpaquePointer {
      holder.lock.lock()
      defer { holder.lock.unlock() }
      if let environment = holder.environment { return environment }
      let made = try runtime.make(\.CreateEnv) { $0(ORT_LOGGING_LEVEL_ERROR, "avatar", $1) }
      holder.environment = made
      return made
    }
  }

  /// Values of ONNX Runtime that share the memory of tensors.
  private final class OnnxValues {
    private(set) var values: [OpaquePointer?] = []
    private let names: [String]
    private let runtime: OnnxRuntime

    init(
      _ specs: [TensorSpec], _ tensors: [String: Tensor], _ runtime: OnnxRuntime,
      _ memory: OpaquePointer
    ) throws(AvatarError) {
      self.runtime = runtime
      names = specs.map(\.name)
      for spec in specs {
        guard let tensor = tensors[spec.name], tensor.shape == spec.shape else {
          let reason = "\(spec.name) is missing or its shape is not \(spec.shape)"
          throw .runtimeFailed(component: runtime.component, reason: reason)
        }
        values.append(try Self.view(of: tensor, runtime, memory))
      }
    }

    deinit {
      for value in values { runtime.api.pointee.ReleaseValue?(value) }
    }

    private static func view(
      of tensor: Tensor, _ runtime: OnnxRuntime, _ memory: OpaquePointer
    ) throws(AvatarError) -> OpaquePointer {
      let shape = tensor.shape.map(Int64.init)
      let element =
        tensor.elementType == .float32
        ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32
      return try tensor.withBytes { (bytes) throws(AvatarError) in
        try runtime.make(\.CreateTensorWithDataAsOrtValue) { create, result in
          create(memory, bytes.baseAddress, bytes.count, shape, shape.count, element, result)
        }
      }
    }

    /// Calls `body` with the names as C strings.
    func withNames(
      _ body: ([UnsafePointer<CChar>?]) throws(AvatarError) -> Void
    ) throws(AvatarError) {
      let copies = names.map { strdup($0) }
      defer { copies.forEach { free($0) } }
      try body(copies.map { UnsafePointer($0) })
    }
  }
#endif
