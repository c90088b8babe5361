extension ModelDescription {
  /// The backend that reads this kind of model on this platform.
  func platformBackend() throws(AvatarError) -> any Backend {
    switch kind {
    case .mlpackage:
      #if canImport(CoreML)
        return CoreMLBackend()
      #else
        throw .runtimeFailed(component: "Core ML", reason: "it is on Apple's platforms only")
      #endif
    case .onnx, .ort:
      #if canImport(COnnxRuntime)
        return ONNXRuntimeBackend()
      #else
        throw .runtimeFailed(component: "ONNX Runtime", reason: "this build does not have it")
      #endif
    }
  }
}
