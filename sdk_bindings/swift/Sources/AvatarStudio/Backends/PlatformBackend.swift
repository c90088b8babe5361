extension Manifest {
  /// Returns the backend for this kind of model files on this platform.
  ///
  /// Throws `runtimeFailed` if there is none.
  func platformBackend() throws(AvatarError) -> any Backend {
    switch kind {
    case .mlpackage:
      #if canImport(CoreML)
        return CoreMLBackend()
      #else
        throw .runtimeFailed(component: "Core ML", reason: "only Apple's platforms have it")
      #endif
    case .onnx, .ort:
      #if canImport(COnnxRuntime)
        return OnnxRuntimeBackend()
      #else
        throw .runtimeFailed(component: "ONNX Runtime", reason: "this build does not have it")
      #endif
    }
  }
}
