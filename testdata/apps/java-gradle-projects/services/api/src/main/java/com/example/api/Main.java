package com.example.api;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;

import com.example.greeting.Greeting;
import com.sun.net.httpserver.HttpServer;

/** A service of several modules: it answers with what another one says, to the name in its file. */
public class Main {
    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", exchange -> {
            String name = new String(Files.readAllBytes(Paths.get("name.txt")), StandardCharsets.UTF_8).trim();
            byte[] body = (Greeting.hello(name) + "\n").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
