function greet(name) {
  const message = 'Hello, ' + name + '!';
  return message;
}

window.greet = greet;
