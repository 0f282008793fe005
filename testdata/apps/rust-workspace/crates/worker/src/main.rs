fn main() {
    println!("{}", text::page(86_400));
}
