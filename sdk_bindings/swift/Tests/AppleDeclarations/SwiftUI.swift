// Declarations of Apple's SwiftUI, Combine and Core Transferable that the example screen uses,
// written from the cited pages.

import CoreGraphics
import Foundation
import UniformTypeIdentifiers

// https://developer.apple.com/documentation/swiftui/view
@available(iOS 13.0, macOS 10.15, *)
@MainActor @preconcurrency public protocol View {
  associatedtype Body: View
  @ViewBuilder @MainActor @preconcurrency var body: Body { get }
}

extension Never: View {
  public var body: Never { return fatalError() }
}

// https://developer.apple.com/documentation/swiftui/view: SwiftUI's own views have no body.
public protocol PrimitiveView: View where Body == Never {}
extension PrimitiveView {
  public var body: Never { return fatalError() }
}

public struct AnyPrimitive: PrimitiveView {
  nonisolated init() {}
}

// https://developer.apple.com/documentation/swiftui/viewbuilder
@available(iOS 13.0, macOS 10.15, *)
@resultBuilder
public enum ViewBuilder {
  public static func buildBlock<each Content: View>(_ content: repeat each Content) -> some View {
    AnyPrimitive()
  }
  public static func buildIf(_ content: (some View)?) -> some View { AnyPrimitive() }
  public static func buildEither<Content: View>(first: Content) -> Either { Either() }
  public static func buildEither<Content: View>(second: Content) -> Either { Either() }
  public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
  public struct Either: PrimitiveView {
    nonisolated init() {}
  }
}

// https://developer.apple.com/documentation/swiftui/state
@available(iOS 13.0, macOS 10.15, *)
@propertyWrapper
public struct State<Value> {
  public init(wrappedValue: Value) { value = wrappedValue }
  private let value: Value
  public var wrappedValue: Value {
    get { value }
    nonmutating set {}
  }
  public var projectedValue: Binding<Value> { Binding() }
}

// https://developer.apple.com/documentation/swiftui/binding
@available(iOS 13.0, macOS 10.15, *)
public struct Binding<Value> {}

// https://developer.apple.com/documentation/combine/observableobject
@available(iOS 13.0, macOS 10.15, *)
public protocol ObservableObject: AnyObject {}

// https://developer.apple.com/documentation/combine/published
@available(iOS 13.0, macOS 10.15, *)
@propertyWrapper
public struct Published<Value> {
  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
  public var wrappedValue: Value
}

// https://developer.apple.com/documentation/swiftui/stateobject
@available(iOS 14.0, macOS 11.0, *)
@propertyWrapper
public struct StateObject<ObjectType: ObservableObject> {
  private let thunk: () -> ObjectType
  public init(wrappedValue thunk: @autoclosure @escaping () -> ObjectType) { self.thunk = thunk }
  @MainActor @preconcurrency public var wrappedValue: ObjectType { thunk() }
  @MainActor @preconcurrency public var projectedValue: ObservedObject<ObjectType>.Wrapper {
    .init()
  }
}

// https://developer.apple.com/documentation/swiftui/observedobject/wrapper
@available(iOS 13.0, macOS 10.15, *)
public enum ObservedObject<ObjectType: ObservableObject> {
  @MainActor @preconcurrency @dynamicMemberLookup
  public struct Wrapper {
    public subscript<Subject>(
      dynamicMember keyPath: ReferenceWritableKeyPath<ObjectType, Subject>
    ) -> Binding<Subject> { Binding() }
  }
}

// https://developer.apple.com/documentation/swiftui/text
@available(iOS 13.0, macOS 10.15, *)
public struct Text: PrimitiveView {
  public init<S: StringProtocol>(_ content: S) {}
}

// https://developer.apple.com/documentation/swiftui/label
@available(iOS 14.0, macOS 11.0, *)
public struct Label: PrimitiveView {
  public init<S: StringProtocol>(_ title: S, systemImage name: String) {}
}

// https://developer.apple.com/documentation/swiftui/image
@available(iOS 13.0, macOS 10.15, *)
public struct Image: PrimitiveView {
  // https://developer.apple.com/documentation/swiftui/image/init(decorative:scale:orientation:)
  public init(decorative cgImage: CGImage, scale: CGFloat) {}
  // https://developer.apple.com/documentation/swiftui/image/resizable(capinsets:resizingmode:)
  public func resizable() -> Image { self }
}

// https://developer.apple.com/documentation/swiftui/button
@available(iOS 13.0, macOS 10.15, *)
public struct Button: PrimitiveView {
  public init<S: StringProtocol>(_ title: S, action: @escaping @MainActor () -> Void) {}
}

// https://developer.apple.com/documentation/swiftui/progressview
@available(iOS 14.0, macOS 11.0, *)
public struct ProgressView: PrimitiveView {
  public init<V: BinaryFloatingPoint>(value: V?, total: V = 1.0) {}
}

// https://developer.apple.com/documentation/swiftui/form
@available(iOS 13.0, macOS 10.15, *)
public struct Form: PrimitiveView {
  public init(@ViewBuilder content: () -> some View) {}
}

// https://developer.apple.com/documentation/swiftui/hstack
@available(iOS 13.0, macOS 10.15, *)
public struct HStack: PrimitiveView {
  public init(@ViewBuilder content: () -> some View) {}
}

// https://developer.apple.com/documentation/swiftui/section
@available(iOS 13.0, macOS 10.15, *)
public struct Section: PrimitiveView {
  public init(@ViewBuilder content: () -> some View) {}
  @available(iOS 15.0, macOS 12.0, *)
  public init<S: StringProtocol>(_ title: S, @ViewBuilder content: () -> some View) {}
}

// https://developer.apple.com/documentation/swiftui/navigationstack
@available(iOS 16.0, macOS 13.0, *)
public struct NavigationStack: PrimitiveView {
  public init(@ViewBuilder root: () -> some View) {}
}

// https://developer.apple.com/documentation/swiftui/foreach
@available(iOS 13.0, macOS 10.15, *)
public struct ForEach: PrimitiveView {
  public init<Data: RandomAccessCollection, ID: Hashable>(
    _ data: Data, id: KeyPath<Data.Element, ID>,
    @ViewBuilder content: @escaping (Data.Element) -> some View
  ) {}
}

// https://developer.apple.com/documentation/swiftui/picker
@available(iOS 13.0, macOS 10.15, *)
public struct Picker: PrimitiveView {
  public init<S: StringProtocol, Value: Hashable>(
    _ title: S, selection: Binding<Value>, @ViewBuilder content: () -> some View
  ) {}
}

// https://developer.apple.com/documentation/swiftui/font
@available(iOS 13.0, macOS 10.15, *)
public struct Font: Sendable {
  public static let footnote = Font()
}

@available(iOS 13.0, macOS 10.15, *)
extension View {
  // https://developer.apple.com/documentation/swiftui/view/font(_:)
  public func font(_ font: Font?) -> some View { self }
  // https://developer.apple.com/documentation/swiftui/view/disabled(_:)
  public func disabled(_ disabled: Bool) -> some View { self }
  // https://developer.apple.com/documentation/swiftui/view/tag(_:)
  public func tag<V: Hashable>(_ tag: V) -> some View { self }
  // https://developer.apple.com/documentation/swiftui/view/scaledtofit()
  public func scaledToFit() -> some View { self }
  // https://developer.apple.com/documentation/swiftui/view/navigationtitle(_:)
  @available(iOS 14.0, macOS 11.0, *)
  public func navigationTitle<S: StringProtocol>(_ title: S) -> some View { self }
  // https://developer.apple.com/documentation/swiftui/view/accessibilitylabel(_:)
  @available(iOS 14.0, macOS 11.0, *)
  public func accessibilityLabel<S: StringProtocol>(_ label: S) -> some View { self }
  // https://developer.apple.com/documentation/swiftui/view/onchange(of:perform:)
  @available(iOS 14.0, macOS 11.0, *)
  public func onChange<V: Equatable>(
    of value: V, perform action: @escaping (_ newValue: V) -> Void
  ) -> some View { self }
}

// https://developer.apple.com/documentation/coretransferable/transferrepresentation
@available(iOS 16.0, macOS 13.0, *)
public protocol TransferRepresentation: Sendable {}

// https://developer.apple.com/documentation/coretransferable/transferable
@available(iOS 16.0, macOS 13.0, *)
public protocol Transferable {
  associatedtype Representation: TransferRepresentation
  static var transferRepresentation: Representation { get }
}

// https://developer.apple.com/documentation/coretransferable/transferable: Data conforms.
extension Data: Transferable {
  public static var transferRepresentation: some TransferRepresentation {
    DataRepresentation<Data>(exportedContentType: .png) { $0 }
  }
}

// https://developer.apple.com/documentation/coretransferable/datarepresentation
@available(iOS 16.0, macOS 13.0, *)
public struct DataRepresentation<Item: Transferable>: TransferRepresentation {
  public init(
    exportedContentType: UTType, exporting: @escaping @Sendable (Item) async throws -> Data
  ) {}
}

// https://developer.apple.com/documentation/swiftui/sharepreview
@available(iOS 16.0, macOS 13.0, *)
public struct SharePreview {
  public init<S: StringProtocol>(_ title: S, image: Image) {}
}

// https://developer.apple.com/documentation/swiftui/sharelink
@available(iOS 16.0, macOS 13.0, *)
public struct ShareLink: PrimitiveView {
  public init<I: Transferable>(item: I, preview: SharePreview) {}
}
