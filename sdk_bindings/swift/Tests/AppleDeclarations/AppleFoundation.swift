// Declarations that Foundation, Dispatch and SwiftPM have on Apple's platforms and not on Linux,
// written from the cited pages. They are compiled into the library's own module.

import Dispatch
import Foundation

// https://developer.apple.com/documentation/foundation/bundle: SwiftPM makes `module` for a package
// with resources (https://developer.apple.com/documentation/xcode/bundling-resources-with-a-swift-package).
extension Bundle {
  static var module: Bundle { .main }
}

// https://developer.apple.com/documentation/objectivec/autoreleasepool(invoking:)
func autoreleasepool<Result>(invoking body: () throws -> Result) rethrows -> Result {
  try body()
}

// https://developer.apple.com/documentation/dispatch/dispatchsource/makememorypressuresource(eventmask:queue:)
extension DispatchSource {
  // https://developer.apple.com/documentation/dispatch/dispatchsource/memorypressureevent
  struct MemoryPressureEvent: OptionSet, Sendable {
    let rawValue: UInt
    static let warning = MemoryPressureEvent(rawValue: 2)
    static let critical = MemoryPressureEvent(rawValue: 4)
  }

  @available(iOS 8.0, macOS 10.10, *)
  static func makeMemoryPressureSource(
    eventMask: MemoryPressureEvent, queue: DispatchQueue? = nil
  ) -> any DispatchSourceProtocol {
    makeUserDataAddSource(queue: queue)
  }
}
