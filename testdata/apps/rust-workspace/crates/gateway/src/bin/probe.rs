fn main() {
    println!("{}", text::page(0));
}
