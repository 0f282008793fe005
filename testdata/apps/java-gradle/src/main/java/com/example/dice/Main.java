package com.example.dice;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Random;

import com.google.gson.Gson;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

/** Rolls dice: those of a seed are always the same. */
public class Main {
    static class Roll {
        final String with = "Gson on Java " + Runtime.version().feature();
        final int[] eyes;

        Roll(int[] eyes) {
            this.eyes = eyes;
        }
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", Main::roll);
        server.start();
    }

    static void roll(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath().substring(1);
        int status = 200;
        String text;
        try {
            Random random = path.isEmpty() ? new Random() : new Random(Long.parseLong(path));
            int[] eyes = random.ints(5, 1, 7).toArray();
            text = new Gson().toJson(new Roll(eyes));
        } catch (NumberFormatException e) {
            status = 400;
            text = "a seed is a number";
        }
        byte[] body = (text + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
